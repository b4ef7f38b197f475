"""A stranger's archive is read without unpacking; only the image's own parts reach the engine."""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluate.sandbox.archives import load_stream, read_archive
from evaluate.sandbox.port import ImageProblem
from tests.sandbox.archive_writer import HandmadeImage, architecture, tar_of, write_archive

_LAYER = tar_of({"predict.sh": b"exit 0\n"})
_OTHER = tar_of({"weights": bytes(5000)})
_LAYOUTS = ["docker", "docker25", "oci"]


def _image() -> HandmadeImage:
    return HandmadeImage([_LAYER, _OTHER, _LAYER], tags=["team:latest", "python:3.11-slim"])


def _loaded(path: Path) -> dict[str, bytes]:
    """What the engine gets, read back."""
    stream = b"".join(load_stream(path, read_archive(path)))
    with tarfile.open(fileobj=io.BytesIO(stream), mode="r:") as archive:
        assert all(member.isreg() for member in archive)
        return {m.name: archive.extractfile(m).read() for m in archive}  # type: ignore[union-attr]


@pytest.mark.parametrize("layout", _LAYOUTS)
@pytest.mark.parametrize("name", ["team.tar", "team.tar.gz", "anything"])
def test_the_image_of_an_archive_is_found_in_every_layout(
    tmp_path: Path, layout: str, name: str
) -> None:
    image = _image()
    path = write_archive(tmp_path / name, image.members(layout))

    found = read_archive(path)

    assert f"sha256:{found.config_sha256}" == image.id
    assert (found.system, found.architecture) == ("linux", architecture())
    assert len(found.layers) == 3
    assert found.archive_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("layout", _LAYOUTS)
def test_the_engine_gets_no_tag_no_link_and_no_name_of_the_archive(
    tmp_path: Path, layout: str
) -> None:
    members = _image().members(layout) | {
        "../../etc/cron.d/evil": b"evil",
        "/etc/passwd": b"evil",
        "link": "-> /etc/shadow",
    }

    loaded = _loaded(write_archive(tmp_path / "team.tar", members))

    assert set(loaded) == {"manifest.json", "config.json", "layer-1.tar", "layer-2.tar"}
    assert json.loads(loaded["manifest.json"]) == [
        {
            "Config": "config.json",
            "RepoTags": None,
            "Layers": ["layer-1.tar", "layer-2.tar", "layer-1.tar"],
        }
    ]
    assert loaded["config.json"] == _image().config
    layers = [loaded["layer-1.tar"], loaded["layer-2.tar"]]
    assert [gzip.decompress(x) if layout == "oci" else x for x in layers] == [_LAYER, _OTHER]


@pytest.mark.parametrize(("module", "suffix"), [(bz2, "bz2"), (lzma, "xz")])
def test_other_compressions_that_python_knows_are_read_too(
    tmp_path: Path, module: object, suffix: str
) -> None:
    plain = write_archive(tmp_path / "team.tar", _image().members("docker"))
    path = tmp_path / f"team.tar.{suffix}"
    path.write_bytes(module.compress(plain.read_bytes()))  # type: ignore[attr-defined]

    assert f"sha256:{read_archive(path).config_sha256}" == _image().id


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_what_podman_saves_is_read(form: str) -> None:
    """Both were saved by podman 4.3.1 from one image, of this id."""
    path = Path(__file__).parent / "data" / f"podman-4.3.1-{form}.tar.gz"

    archived = read_archive(path)

    assert archived.config_sha256 == (
        "96df060186d6a9c0028fff07545fb2937ab202eb56c7ecf090d8d1460281b8d9"
    )
    assert archived.tags == ("localhost/small:latest",)
    assert len(list(load_stream(path, archived))) > 0


@pytest.mark.zstd
@pytest.mark.parametrize("options", [["-3"], ["-19", "--long=27"]])
def test_what_zstd_compresses_is_read_too(tmp_path: Path, options: list[str]) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members("oci"))
    subprocess.run(["zstd", "--quiet", *options, str(path)], check=True)

    assert f"sha256:{read_archive(tmp_path / 'team.tar.zst').config_sha256}" == _image().id


@pytest.mark.zstd
def test_zstd_that_asks_for_gigabytes_of_memory_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "team.tar.zst"
    with path.open("wb") as out:  # of a stream, whose size it can't know, it writes the window
        command = ["zstd", "--quiet", "--ultra", "-1", "--long=30"]
        subprocess.run(command, input=bytes(4096), stdout=out, check=True)

    with pytest.raises(ImageProblem, match=r"docker save"):
        read_archive(path)


@pytest.mark.parametrize("content", [b"", b"hello", bytes(10240), b"PK\x03\x04" + bytes(2000)])
def test_a_file_that_is_no_archive_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "team.tar.gz"
    path.write_bytes(content)

    with pytest.raises(ImageProblem, match=r"docker save"):
        read_archive(path)


@pytest.mark.parametrize("name", ["team.tar", "team.tar.gz"])
def test_an_archive_that_is_cut_short_says_so(tmp_path: Path, name: str) -> None:
    image = HandmadeImage([_LAYER, tar_of({"weights": bytes(range(256)) * 400})])
    path = write_archive(tmp_path / name, image.members("docker"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])

    with pytest.raises(ImageProblem, match=r"cut short|no manifest.json"):
        read_archive(path)


def test_the_files_of_a_container_are_no_image(tmp_path: Path) -> None:
    path = tmp_path / "team.tar"
    path.write_bytes(tar_of({"bin/sh": b"", "etc/passwd": b""}))

    with pytest.raises(ImageProblem, match=r"docker export.*docker save"):
        read_archive(path)


@pytest.mark.parametrize("layout", ["docker", "oci"])
def test_several_images_in_one_archive_are_refused_by_name(tmp_path: Path, layout: str) -> None:
    one, two = HandmadeImage([_LAYER], tags=["one:1"]), HandmadeImage([_OTHER], tags=["two:2"])
    members = two.members(layout) | one.members(layout)
    if layout == "docker":
        lists = [json.loads(image.members(layout)["manifest.json"]) for image in (one, two)]
        members["manifest.json"] = json.dumps(lists[0] + lists[1]).encode()
    else:
        lists = [json.loads(i.members(layout)["index.json"])["manifests"] for i in (one, two)]
        members["index.json"] = json.dumps({"manifests": lists[0] + lists[1]}).encode()

    with pytest.raises(ImageProblem, match=r"2 images in the archive \((one:1, two:2|1, 2)\)"):
        read_archive(write_archive(tmp_path / "team.tar", members))


def test_two_members_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members("docker"))
    with tarfile.open(path, "a") as archive:
        archive.addfile(tarfile.TarInfo("manifest.json"), io.BytesIO())

    with pytest.raises(ImageProblem, match=r"two members 'manifest.json'"):
        read_archive(path)


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_device_in_an_archive_is_refused(tmp_path: Path, kind: bytes) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members("docker"))
    info = tarfile.TarInfo("device")
    info.type = kind
    with tarfile.open(path, "a") as archive:
        archive.addfile(info)

    with pytest.raises(ImageProblem, match="no file, folder or link"):
        read_archive(path)


@pytest.mark.parametrize(
    "links", [{"a": "-> b", "b": "-> a"}, {"a": "-> ../../../etc/passwd"}, {"a": "-> /etc/passwd"}]
)
def test_a_layer_that_is_a_link_out_of_the_archive_is_missing(
    tmp_path: Path, links: dict[str, str]
) -> None:
    image = HandmadeImage([_LAYER])
    manifest = [{"Config": "c.json", "RepoTags": None, "Layers": ["a"]}]
    members = {"manifest.json": json.dumps(manifest).encode(), "c.json": image.config} | links

    with pytest.raises(ImageProblem, match="lacks its layer"):
        read_archive(write_archive(tmp_path / "team.tar", members))


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_that_claims_gigabytes_is_refused_before_it_is_read(
    tmp_path: Path, kind: bytes
) -> None:
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, 6 * 2**30
    path = tmp_path / "team.tar.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(info.tobuf(tarfile.GNU_FORMAT))
        file.write(bytes(2**24))

    with pytest.raises(ImageProblem, match=f"a header of {6 * 2**30} bytes"):
        read_archive(path)


def test_an_endless_list_of_members_is_refused(tmp_path: Path) -> None:
    info = tarfile.TarInfo("folder")
    info.type = tarfile.DIRTYPE
    path = tmp_path / "team.tar"
    path.write_bytes(info.tobuf() * 10_001)

    with pytest.raises(ImageProblem, match="more than 10000 files"):
        read_archive(path)


@pytest.mark.parametrize(
    "manifest",
    ["[]", "{}", "7", "[7]", '[{"Config": 7, "Layers": []}]', '[{"Layers": []}]', "[" * 10_000,
     '[{"Config": "c.json", "Layers": 7}]', '[{"Config": "c.json", "Layers": [7]}]',
     '[{"Config": ["c.json"], "Layers": []}]', '[{"Config": "manifest.json", "Layers": []}]'],
)  # fmt: skip
def test_a_manifest_of_nonsense_is_a_problem_in_words(tmp_path: Path, manifest: str) -> None:
    members = {"c.json": HandmadeImage([]).config, "manifest.json": manifest.encode()}

    with pytest.raises(ImageProblem, match="archive"):
        read_archive(write_archive(tmp_path / "team.tar", members))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(
    layout=st.sampled_from(_LAYOUTS),
    place=st.integers(0, 20_000),
    junk=st.binary(max_size=40),
    cut=st.booleans(),
)
def test_a_damaged_archive_is_read_or_refused_but_never_an_error(
    tmp_path: Path, layout: str, place: int, junk: bytes, cut: bool
) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members(layout))
    data = bytearray(path.read_bytes())
    data[place : place + len(junk)] = junk
    path.write_bytes(data[: place + len(junk)] if cut else data)

    try:
        found = read_archive(path)
    except ImageProblem as problem:
        assert "archive" in str(problem)
    else:
        assert set(_loaded(path)) >= {"manifest.json", "config.json"}
        assert len(found.config_sha256) == 64


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members("docker"))
    found = read_archive(path)
    write_archive(path, HandmadeImage([_LAYER]).members("docker25"))

    with pytest.raises(ImageProblem, match="has changed"):
        list(load_stream(path, found))


def test_the_engine_s_own_tar_reads_what_is_written(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "team.tar", _image().members("docker"))
    stream = b"".join(load_stream(path, read_archive(path)))

    listed = subprocess.run(["tar", "-t"], input=stream, capture_output=True, check=True).stdout

    assert listed.split() == [b"manifest.json", b"layer-1.tar", b"layer-2.tar", b"config.json"]
