from __future__ import annotations

import pickle

import pytest

from avtext.errors import (
    AvtextError,
    Code,
    ConfigError,
    InvalidInput,
    MediaError,
    MissingExtra,
    ModelError,
    StorageError,
)

KINDS = [AvtextError, MediaError, ConfigError, InvalidInput, ModelError, StorageError, MissingExtra]


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_has_the_one_root_and_survives_a_process_border(kind: type[AvtextError]) -> None:
    error = kind("a.mp4: broken", code=Code.CORRUPT, stage="decode")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, AvtextError)
    assert type(again) is kind
    assert (str(again), again.code, again.stage) == ("a.mp4: broken", "CORRUPT", "decode")


def test_an_error_has_a_code_that_fits_its_kind() -> None:
    assert StorageError("x").code == "STORAGE"
    assert ModelError("x").code == "MODEL_REFUSED"
    assert ConfigError("x").code == "CONFIG"


def test_bad_arguments_are_value_errors_too() -> None:
    with pytest.raises(ValueError, match="width"):
        raise InvalidInput("width: must be positive, got -1")


def test_a_missing_extra_says_what_to_install() -> None:
    assert 'pip install "avtext[train]"' in str(MissingExtra.of("lightning", "train"))
