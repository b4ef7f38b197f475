"""A bundle is checked elsewhere, with nothing but itself, the references, and others' tools."""

import hashlib
import io
import json
import shutil
import stat
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from rocrate.rocrate import ROCrate
from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import VerificationError
from securesystemslib.signer import SSlibKey

from data_manifest.manifest import load_manifest
from evaluate.auditing.bundles.signing import (
    SignatureProblem,
    read_envelope,
    read_public_key,
    subjects,
    verify,
)
from tests.auditing.conftest import command
from tests.capabilities import need

Tampered = Callable[[], Path]
Members = dict[str, bytes]


def make_keys(folder: Path, name: str) -> tuple[Path, Path]:
    """A pair of keys, as anybody makes them."""
    private, public = folder / f"{name}.pem", folder / f"{name}.pub"
    make = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", private]
    subprocess.run(make, check=True, capture_output=True)
    show = ["openssl", "pkey", "-in", private, "-pubout", "-out", public]
    subprocess.run(show, check=True, capture_output=True)
    return private, public


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, Path]]:
    need("openssl")
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_keys(folder, name) for name in ("ours", "theirs")}


@pytest.fixture(scope="module")
def bundle(
    finished: Path, keys: dict[str, tuple[Path, Path]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A signed bundle without references; its run is gone when it is verified."""
    folder = tmp_path_factory.mktemp("bundle")
    run = folder / "away" / "run"
    shutil.copytree(finished.parent, run.parent)
    path = folder / "run.zip"
    assert command("audit", run, "--bundle", path, "--sign", keys["ours"][0]) == 0
    shutil.rmtree(run.parent)
    return path


@pytest.fixture
def references(small_data: Path) -> Path:
    return small_data.parent / "references"


def changed(bundle: Path, target: Path, change: Callable[[Members], None]) -> Path:
    """The bundle with other members."""
    with zipfile.ZipFile(bundle) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    with zipfile.ZipFile(target, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return target


def test_a_bundle_is_verified_and_scored_again_elsewhere(
    bundle: Path,
    keys: dict[str, tuple[Path, Path]],
    references: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    options = ("--references", references, "--key", keys["ours"][1])
    assert command("audit", "--verify", bundle, *options) == 0
    said = capsys.readouterr().out
    assert "12 cases scored again" in said and "3 places" in said and "signed with key" in said
    assert list(empty.iterdir()) == []
    assert command("audit", "--verify", bundle) == 0
    said = capsys.readouterr()
    assert "12 cases scored again" not in said.out and "not checked" in said.out
    assert "no references" in said.err


def test_images_and_references_are_included_on_request(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = tmp_path / "whole.zip"
    assert command("audit", finished, "--bundle", whole) == 0
    assert not [name for name in zipfile.ZipFile(whole).namelist() if name.startswith("data/")]
    include = ("--include-images", "--include-references")
    assert command("audit", finished, "--bundle", whole, *include) == 0
    capsys.readouterr()
    assert command("audit", "--verify", whole) == 0
    assert "8 data files" in capsys.readouterr().out


def test_others_tools_read_the_bundle(
    bundle: Path, keys: dict[str, tuple[Path, Path]], tmp_path: Path, finished: Path
) -> None:
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder)
    summed = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=folder, check=False
    )
    assert summed.returncode == 0
    crate = ROCrate(folder)
    files = {entity.id: entity for entity in crate.get_entities() if entity.type == "File"}
    on_disk = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    own = {"SHA256SUMS", "attestation.dsse.json", "ro-crate-metadata.json"}
    assert set(files) == on_disk - own
    assert files["run/runs.csv"]["contentSize"] == str((folder / "run/runs.csv").stat().st_size)
    assert crate.name and crate.description and crate.datePublished

    envelope = Envelope.from_dict(json.loads((folder / "attestation.dsse.json").read_text("utf-8")))
    (key_id,) = envelope.signatures
    for name, is_right in (("ours", True), ("theirs", False)):
        pem = keys[name][1].read_bytes()
        key = SSlibKey.from_crypto(load_pem_public_key(pem), keyid=key_id)
        if is_right:
            assert set(envelope.verify([key], 1)) == {key_id}
        else:
            with pytest.raises(VerificationError):
                envelope.verify([key], 1)
    statement = json.loads(envelope.payload)
    assert {s["name"] for s in statement["subject"]} == on_disk - {"attestation.dsse.json"}
    assert str(finished.parent) not in (folder / "run" / "run.json").read_text("utf-8")


@pytest.mark.parametrize("is_signed", [False, True])
def test_one_changed_mask_in_a_bundle_is_named_once(
    bundle: Path,
    keys: dict[str, tuple[Path, Path]],
    references: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    is_signed: bool,
) -> None:
    name = "run/predictions/alpha/2DBox_US_1.npz"

    def change(members: Members) -> None:
        members[name] = members[name.replace("US_1", "US_2")]
        if not is_signed:
            del members["attestation.dsse.json"]

    path = changed(bundle, tmp_path / "changed.zip", change)
    key = ("--key", keys["ours"][1]) if is_signed else ()
    assert command("audit", "--verify", path, "--references", references, *key) == 1
    said = capsys.readouterr().out
    found = [line for line in said.splitlines() if line.startswith("LOOK  mask")]
    assert found == ["LOOK  mask changed: predictions/alpha/2DBox_US_1.npz"]
    assert "bundle changed" not in said


def test_a_failure_that_was_removed_from_a_bundles_runs_is_named(
    bundle: Path, references: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(members: Members) -> None:
        journal = json.loads(members["run/journal.json"])
        kept = [entry for entry in journal["entries"] if entry["record"]["outcome"] == "ok"]
        assert len(kept) == len(journal["entries"]) - 1
        members["run/journal.json"] = json.dumps(journal | {"entries": kept}).encode()
        del members["run/logs/gamma/2DBox_XRay_1.log"]

    path = changed(bundle, tmp_path / "changed.zip", change)
    assert command("audit", "--verify", path, "--references", references) == 1
    said = capsys.readouterr().out
    assert "edited journal: runs.csv" in said and "gamma 2DBox_XRay_1" in said
    looks = {line.partition(":")[0] for line in said.splitlines() if line.startswith("LOOK  ")}
    assert looks >= {"LOOK  edited journal", "LOOK  bundle changed", "LOOK  gamma"}
    assert "ok    alpha: holds" in said and "edited table" not in said


def test_an_edited_time_in_the_runs_is_told_from_an_edited_table(
    bundle: Path, references: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(members: Members) -> None:
        journal = json.loads(members["run/journal.json"])
        assert journal["schema"] == 1
        journal["entries"][0]["record"]["wall_s"] = 0.001
        members["run/journal.json"] = json.dumps(journal).encode()

    path = changed(bundle, tmp_path / "changed.zip", change)
    assert command("audit", "--verify", path, "--references", references) == 1
    said = capsys.readouterr().out
    assert "edited journal: runs.csv, alpha 2DBox_US_1 0, wall_s" in said
    assert "case_scores.csv, alpha 2DBox_US_1 Ultrasound, wall_s" in said
    assert "ok    beta: holds" in said and "edited table" not in said


def test_a_member_that_is_missing_or_added_is_named(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(members: Members) -> None:
        del members["run/audit.json"]
        members["notes.txt"] = b"nothing to see"

    assert command("audit", "--verify", changed(bundle, tmp_path / "x.zip", change)) == 1
    said = capsys.readouterr().out
    assert "bundle changed: notes.txt" in said and "bundle changed: run/audit.json" in said


def test_a_bundle_that_was_signed_again_with_another_key_is_named(
    finished: Path,
    bundle: Path,
    keys: dict[str, tuple[Path, Path]],
    references: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    again = tmp_path / "again.zip"
    assert command("audit", finished, "--bundle", again, "--sign", keys["theirs"][0]) == 0
    capsys.readouterr()
    options = ("--references", references, "--key", keys["ours"][1])
    assert command("audit", "--verify", again, *options) == 1
    looks = [line for line in capsys.readouterr().out.splitlines() if line.startswith("LOOK")]
    assert looks == ["LOOK  signed by another key: attestation.dsse.json"]
    # An unsigned one where a signature is asked for is no better.

    def unsign(members: Members) -> None:
        del members["attestation.dsse.json"]

    unsigned = changed(bundle, tmp_path / "unsigned.zip", unsign)
    assert command("audit", "--verify", unsigned, "--key", keys["ours"][1]) == 1
    assert "no signature" in capsys.readouterr().out


def test_a_bundle_whose_sums_were_made_again_breaks_its_signature(
    bundle: Path,
    keys: dict[str, tuple[Path, Path]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def change(members: Members) -> None:
        name = "run/audit.json"
        old = hashlib.sha256(members[name]).hexdigest().encode()
        members[name] += b"\n"
        new = hashlib.sha256(members[name]).hexdigest().encode()
        crate = members["ro-crate-metadata.json"]
        members["ro-crate-metadata.json"] = crate.replace(old, new)
        both = [old, hashlib.sha256(crate).hexdigest().encode()]
        fresh = [new, hashlib.sha256(members["ro-crate-metadata.json"]).hexdigest().encode()]
        for before, after in zip(both, fresh, strict=True):
            members["SHA256SUMS"] = members["SHA256SUMS"].replace(before, after)

    path = changed(bundle, tmp_path / "x.zip", change)
    assert command("audit", "--verify", path, "--key", keys["ours"][1]) == 1
    said = capsys.readouterr().out
    assert "bundle changed: run/audit.json" in said and "as signed" in said


def _link(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        info = zipfile.ZipInfo("run/run.json")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")


def _named(name: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, "x")

    return write


def _twice(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("run/a", "x")
        archive.writestr("run/A", "y")


def _bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("run/zeros", bytes(1 << 20))
        archive.infolist()[0].file_size = 1 << 50  # the directory says so; the bytes never end


def _overlapping(path: Path) -> None:
    """Two directory entries for the same bytes, as the bombs of many gigabytes have thousands."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("aaaa", bytes(5000))
        archive.writestr("bbbb", b"")
        first, second = archive.infolist()
        second.header_offset, second.CRC = first.header_offset, first.CRC
        second.file_size = second.compress_size = 5000
    path.write_bytes(buffer.getvalue())


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_named("../outside"), "not a path inside"),
        (_named("/etc/outside"), "not a path inside"),
        (_named("run\\outside"), "not a path inside"),
        (_named("C:/outside"), "not a path inside"),
        (_link, "a link"),
        (_twice, "a name twice"),
        (_bomb, "there is room for"),
        (_overlapping, "share their bytes"),
        (lambda path: path.write_bytes(b"PK no zip"), "can't be unpacked"),
        (_named("run/run.json"), "can't be read"),
    ],
)
def test_a_strangers_zip_is_checked_before_anything_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], write: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "stranger.zip"
    write(path)
    assert command("audit", "--verify", path) == 2
    said = capsys.readouterr().err
    assert words in said and "defect" not in said


def test_a_strangers_facts_and_names_are_checked(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def traverse(members: Members) -> None:
        journal = members["run/journal.json"]
        members["run/journal.json"] = journal.replace(b'"alpha"', b'"../../etc"')

    def unseat(members: Members) -> None:
        members["run/run.json"] = b'{"schema": 1}'

    def outside(members: Members) -> None:
        manifest = members["run/manifest.json"]
        members["run/manifest.json"] = manifest.replace(b"references/2DBox_US_1", b"../../../x")

    for change in (traverse, unseat, outside):
        path = changed(bundle, tmp_path / "x.zip", change)
        assert command("audit", "--verify", path) == 2
        said = capsys.readouterr().err
        assert said.startswith("segjudge: ") and "defect" not in said


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("RUN", "--verify", "x.zip"),
        ("RUN", "--sign", "key.pem"),
        ("RUN", "--key", "key.pub"),
        ("RUN", "--sample", "3"),
        ("--verify", "x.zip", "--rerun"),
    ],
)
def test_options_that_say_nothing_together_are_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    given = [finished if option == "RUN" else option for option in options]
    assert command("audit", *given) == 2
    assert "segjudge audit" in capsys.readouterr().err


@pytest.mark.openssl
def test_a_key_of_another_kind_is_refused(
    finished: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.pem"
    make = ["openssl", "genpkey", "-algorithm", "x25519", "-out", wrong]
    subprocess.run(make, check=True, capture_output=True)
    target = tmp_path / "x.zip"
    assert command("audit", finished, "--bundle", target, "--sign", wrong) == 2
    assert "Ed25519" in capsys.readouterr().err and not target.exists()
    assert command("audit", "--verify", bundle, "--key", wrong) == 2
    assert load_manifest(finished / "manifest.json")  # the run is as it was


def test_what_the_first_version_signed_is_still_verified() -> None:
    folder = Path(__file__).parent / "data"
    envelope = read_envelope((folder / "first_version.dsse.json").read_bytes())
    verify(envelope, read_public_key(folder / "first_version.pub"))
    assert subjects(envelope) == {"SHA256SUMS": "cd" * 32, "run/run.json": "ab" * 32}
    forged = envelope.payload.replace(b"abab", b"aeae")
    envelope.payload = forged
    with pytest.raises(SignatureProblem, match="no signature by this key"):
        verify(envelope, read_public_key(folder / "first_version.pub"))
