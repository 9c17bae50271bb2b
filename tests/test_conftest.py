"""What the tests share is as strict as it says."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from tests.conftest import pytest_runtest_setup


@pytest.mark.parametrize("expected", [False, True])
def test_a_test_for_a_gpu_is_skipped_only_where_none_is_expected(
    expected: bool, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("AVTEXT_EXPECT_GPU", str(int(expected)))
    pytest_runtest_setup(request.node)
    request.node.add_marker("gpu")
    with nullcontext() if expected else pytest.raises(pytest.skip.Exception, match="no CUDA device"):
        pytest_runtest_setup(request.node)
