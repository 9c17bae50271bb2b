"""Which streams of a container are taken, and which containers are not."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from media_files import grey, steady, tone, write

from avtext.errors import Code, MediaError
from avtext.media import Limits, MediaOptions, MediaReader, probe
from avtext.media.container import FORMATS, codec_allowed, opened


def _subtitles(path: Path, source: Path) -> Path:
    """The subtitles of a file and nothing else of it."""
    with av.open(str(source)) as given, av.open(str(path), "w") as output:
        stream = given.streams.subtitles[0]
        taken = output.add_stream_from_template(stream)
        for packet in given.demux(stream):
            if packet.dts is not None:
                packet.stream = taken
                output.mux(packet)
    return path


def _with_cover(path: Path) -> Path:
    """A sound with a picture for its cover."""
    picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
    with av.open(str(path), "w") as output:
        audio = output.add_stream("libmp3lame", rate=44_100, layout="mono")
        cover = output.add_stream("png", rate=1)
        cover.width = cover.height = 64
        cover.pix_fmt = "rgb24"
        cover.disposition = av.stream.Disposition.attached_pic
        for packet in (*cover.encode(picture), *cover.encode(None)):
            output.mux(packet)
        samples = tone(1.0, 44_100)
        for i in range(0, len(samples), 1152):
            frame = av.AudioFrame.from_ndarray(samples[i : i + 1152].T.copy(), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44_100, i, Fraction(1, 44_100)
            output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    return path


def test_covers_are_no_video(tmp_path: Path) -> None:
    path = _with_cover(tmp_path / "a.mp3")
    with av.open(str(path)) as container:
        assert len(container.streams.video) == 1  # the test would say nothing otherwise
    with MediaReader(path) as reader:
        (clip,) = reader
    assert (reader.info.has_audio, reader.info.has_video) == (True, False)
    assert clip.video is None
    assert reader.quality.reasons == ()


def test_subtitles_alone_are_no_media(tmp_path: Path, data_dir: Path) -> None:
    with pytest.raises(MediaError, match=r"no audio or video stream in it \(streams: subtitle\)") as caught:
        probe(_subtitles(tmp_path / "a.mp4", data_dir / "media" / "torchcodec_nasa_13013.mp4"))
    assert caught.value.code == Code.NO_STREAMS


def test_a_modality_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", steady(5))
    with pytest.raises(MediaError, match="no audio stream") as caught, MediaReader(path, MediaOptions(video=False)):
        pass
    assert caught.value.code == Code.NO_STREAMS


def test_the_largest_of_several_videos_is_taken(data_dir: Path) -> None:
    info = probe(data_dir / "media" / "torchcodec_nasa_13013.mp4")
    assert (info.width, info.height, info.sample_rate) == (480, 270, 16_000)
    assert [codec for _, codec, _ in info.subtitles] == ["mov_text", "mov_text"]


def test_too_many_streams(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        streams = [output.add_stream("pcm_s16le", rate=8000, layout="mono") for _ in range(12)]
        for stream in streams:
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
            for packet in stream.encode(frame):
                output.mux_one(packet)
    assert probe(tmp_path / "a.mkv").has_audio
    with pytest.raises(MediaError) as caught:
        probe(tmp_path / "a.mkv", Limits(max_streams=8))
    assert caught.value.code in (Code.TOO_LARGE, Code.UNSUPPORTED)


@pytest.mark.parametrize("codec", ["png", "apng", "gif", "webp", "bmp", "tiff", "ansi", "libzvbi_teletextdec", "tmv"])
def test_decoders_that_may_not_run(codec: str) -> None:
    assert not codec_allowed(codec)


@pytest.mark.parametrize("name", ["concat", "hls", "dash", "sdp", "rtsp", "image2", "png_pipe", "lavfi", "tty", "imf"])
def test_demuxers_that_may_not_run(name: str) -> None:
    assert name not in FORMATS.split(",")


def test_a_container_that_is_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "a.nut"
    with av.open(str(path), "w") as output:
        stream = output.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 64
        frame = av.VideoFrame.from_ndarray(grey(1), format="rgb24").reformat(format="yuv420p")
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    with pytest.raises(MediaError, match="convert it to mp4") as caught:
        probe(path)
    assert caught.value.code == Code.UNSUPPORTED


def test_titles_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as output:
        output.metadata["title"] = "XXXXXXXX"
        stream = output.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, 0, Fraction(1, 8000)
        for packet in (*stream.encode(frame), *stream.encode(None)):
            output.mux(packet)
    content = path.read_bytes()
    assert b"XXXXXXXX" in content
    path.write_bytes(content.replace(b"XXXXXXXX", b"\xff\xfe\xc0\x80\xed\xa0\x80\xff"))
    assert probe(path).has_audio


@pytest.mark.parametrize("threads", [1, 2])
def test_the_decoder_has_as_many_threads_as_allowed(tmp_path: Path, threads: int) -> None:
    path = write(tmp_path / "a.mp4", steady(5))
    with opened(str(path), "a.mp4", MediaOptions(), Limits(threads=threads)) as source:
        assert source.video is not None
        assert source.video.codec_context.thread_count == threads
