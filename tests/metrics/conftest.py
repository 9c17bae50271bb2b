from __future__ import annotations

import importlib
import math
import warnings
from types import ModuleType

import pytest

from avtext.metrics.rates import nan_mean


@pytest.fixture(scope="session")
def sed_eval() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("sed_eval")


def defined_rates(results: dict) -> dict:
    """What sed_eval found, with NaN for the error rates per reference event where there is none (it has 0 or 1e16)."""
    classes = results["class_wise"].values()
    there = [part for part in classes if part["count"]["Nref"]]
    for part in classes:
        if not part["count"]["Nref"]:
            part["error_rate"] = dict.fromkeys(part["error_rate"], math.nan)
    if not there:
        results["overall"]["error_rate"] = dict.fromkeys(results["overall"]["error_rate"], math.nan)
    mean = results["class_wise_average"]["error_rate"]
    mean.update({name: nan_mean(part["error_rate"][name] for part in there) for name in mean})
    return results
