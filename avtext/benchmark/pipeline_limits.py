"""What the pipeline must reach on two cores, in one table, and what its figures are measured on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from avtext.benchmark.figures import Figure
from avtext.benchmark.layers_limits import Limit

LIMITS = {
    "row01a_teacher_int8_against_naive": Limit(10.0, "at_least", "x as fast"),
    "row01b_teacher_int8_real_time": Limit(4.0, "at_least", "x real time"),
    "row02_teacher_torch_against_naive": Limit(3.5, "at_least", "x as fast"),
    "row03_student_against_decoding": Limit(1.15, "at_most", "x the time"),
    "row04_student_compute": Limit(100.0, "at_least", "x real time"),
    "row05a_decode_8_fps_against_decode_only": Limit(1.15, "at_most", "x the time"),
    "row05b_decode_15_fps_against_decode_only": Limit(1.15, "at_most", "x the time"),
    "row05c_decode_30_fps_against_decode_only": Limit(1.25, "at_most", "x the time"),
    "row06a_decode_8_fps_against_fastest_peer": Limit(1.0, "at_most", "x the time"),
    "row06b_decode_15_fps_against_fastest_peer": Limit(1.0, "at_most", "x the time"),
    "row06c_decode_30_fps_against_fastest_peer": Limit(1.0, "at_most", "x the time"),
    "row07a_dynamic_against_fixed_batches": Limit(1.6, "at_least", "x the clips per second"),
    "row07b_dynamic_batches_other_events": Limit(0.0, "at_most", "clips"),
    "row08_second_run_on_a_cached_video": Limit(20.0, "at_least", "x as fast"),
    "row09_memory_of_an_hour_of_sound": Limit(1.2, "at_most", "x that of a minute"),
    "row10a_help_against_importing_torch": Limit(0.25, "at_most", "x the time"),
    "row10b_runtime_ready_against_importing_torch": Limit(0.6, "at_most", "x the time"),
    "row11a_time_of_ten_times_the_length": Limit(10.5, "at_most", "x the time"),
    "row11b_memory_of_ten_times_the_length": Limit(1.1, "at_most", "x the memory"),
    "row12_skimmed_f1_loss": Limit(0.5, "at_most", "points"),
    "row13a_teacher_int8_f1_loss": Limit(0.5, "at_most", "points"),
    "row13b_teacher_int8_cosine": Limit(0.99, "at_least", ""),
}


def row(name: str, value: float | None, detail: str) -> Figure:
    """The figure of one row of the table.

    Example:
        >>> row("row04_student_compute", 120.0, "").met, row("row04_student_compute", None, "no runtime").met
        (True, False)
    """
    limit = LIMITS[name]
    return Figure(name, None if value is None else float(value), limit.unit, limit.value, limit.sense, detail)


class PipelineSizes(NamedTuple):
    """How much is measured.

    Attributes:
        short, long: seconds of the two videos; whole loops of 12 s.
        taught: seconds of 720p30 that the naive pipeline and the teacher are given.
        sound, much_sound: seconds of sound whose memory is compared.
        height, small: lines of the large and the small picture.
        rounds: timed turns of each.
        clips: in the batch of mixed length.
        scenes, idle: in the file that is skimmed: scenes of 20 s, and seconds of nothing before and after each.
        gate: scenes in which a trained teacher finds events in float32 and in INT8.
        audio, video: settings of the teacher's two encoders with random weights; empty for Wav2Vec2 base and
            SlowFast R50.
    """

    short: int = 60
    long: int = 600
    taught: int = 60
    sound: int = 60
    much_sound: int = 3600
    height: int = 720
    small: int = 360
    rounds: int = 3
    clips: int = 64
    scenes: int = 4
    idle: int = 180
    gate: int = 100
    audio: Mapping[str, Any] = {}
    video: Mapping[str, Any] = {}


FULL = PipelineSizes()
