"""Runs submissions in containers of a Docker-compatible engine, under the policy.

Everything is asked of the engine by its API; no command line is ever put together.
"""

import contextlib
import dataclasses
import itertools
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from evaluate.facts.errors import UsageError
from evaluate.facts.run_rules import Limits
from evaluate.sandbox.containers import (
    CreationRefused,
    OwnedContainer,
    StartRefused,
    engine_failures,
    remove_stale,
)
from evaluate.sandbox.control import Control, is_exhausted
from evaluate.sandbox.endings import blame_ourselves, ending_of, killed_for_memory, not_started
from evaluate.sandbox.enforcement import contains, not_enforced
from evaluate.sandbox.engine import describe_engine, engine_facts, is_local, machine, open_engine
from evaluate.sandbox.engine_images import ImageStore
from evaluate.sandbox.handing_over import hand_over
from evaluate.sandbox.image_volumes import Volumes, misplaced_volume
from evaluate.sandbox.left_outputs import reclaim
from evaluate.sandbox.log import BoundedLog
from evaluate.sandbox.measurement import GpuMeter, Gpus, Profile, RunCgroup
from evaluate.sandbox.metering import Meter
from evaluate.sandbox.models import parted, with_model
from evaluate.sandbox.ownership import Owner
from evaluate.sandbox.podman import podman_service
from evaluate.sandbox.policy import container_options, container_user, mounted
from evaluate.sandbox.port import Ending, Execution, Image, Job, SandboxError, refused
from evaluate.sandbox.processors import Processors
from evaluate.sandbox.room import Room
from evaluate.sandbox.run_files import RunFiles
from evaluate.sandbox.run_group import remove_stale_groups, run_group
from evaluate.sandbox.supervision import Watch, supervise, too_large
from evaluate.sandbox.system_calls import stricter_filter

_WATCH_S = 0.2
_FOLLOW_S = 0.02
_MIB = 2**20
_NUMBERS = itertools.count(1)  # of the process: two sandboxes of one process share the owner


class DockerSandbox:
    """The adapter for a container engine: Docker, or Podman by the same protocol.

    Attributes:
        machine: operating system and architecture of the engine, as images name them.
        data_folder: where an engine on this machine keeps images; empty for one elsewhere.

    Raises:
        EngineMissingError: no engine answers.
        UsageError: the engine has no such runtime, or is not Podman where that was asked for.
    """

    def __init__(
        self,
        *,
        environment: Mapping[str, str],
        cache: Path,
        build_arguments: Mapping[str, str] | None = None,
        runtime: str | None = None,
        clean: bool = True,
        podman: bool = False,
    ) -> None:
        with contextlib.ExitStack() as held:
            if podman and "DOCKER_HOST" not in environment:
                environment = held.enter_context(podman_service(environment, runtime))
            self._engine = open_engine(environment)
            held.callback(self._engine.close)
            self._owner = Owner.current().token
            self._files = RunFiles()
            held.callback(self._files.close)
            self._local = is_local(self._engine)
            with engine_failures("asking what it can do"):
                info = self._engine.info()
                self._facts = engine_facts(info, runtime, local=self._local)
                self.machine = machine(info)
                self._control = Control(self._engine, owner=self._owner, machine=self.machine)
                if self._facts.podman:
                    has = self._control.has_init(f"segjudge_{self._owner}_init")
                    self._facts = dataclasses.replace(self._facts, init=has)
            if podman and not self._facts.podman:
                raise UsageError(where="DOCKER_HOST", found="Docker", expected="Podman")
            self._description = describe_engine(self._engine, info, self._facts)
            self._tried: dict[str, str] = {}
            self._refused: dict[str, str] = {}
            self.data_folder = str(info.get("DockerRootDir") or "") if self._local else ""
            self._gpus = Gpus.open(environment if self._facts.gpus and self._local else None)
            if self._gpus.devices:
                self._description["gpu_models"] = self._gpus.described()
            self._processors = Processors(cpuset=self._facts.cpuset, local=self._local)
            own = stricter_filter() if self._facts.podman and self._local else None
            self._calls = None if own is None else self._files.kept(own)
            self._images = ImageStore(
                self._engine,
                owner=self._owner,
                machine=self.machine,
                control=self._control,
                build_arguments=build_arguments or {},
                cache=cache,
            )
            if clean:
                self._clean()
            self._held = held.pop_all()

    @property
    def name(self) -> str:
        """See `Sandbox.name`."""
        return str(self._description["name"])

    @property
    def isolated(self) -> bool:
        """See `Sandbox.isolated`."""
        return bool(self._description["isolated"])

    @property
    def to_be_tried(self) -> bool:
        """Whether what the engine says of its limits is not to be believed."""
        return self._facts.podman or self._facts.runtime is not None

    def note(self, tried: Mapping[str, str]) -> None:
        """Keep what a container has broken, by subject."""
        self._tried = dict(tried)
        lacking = not_enforced(None, self._facts, tried)
        self._description |= {"not_enforced": lacking, "isolated": contains(lacking)}

    def _clean(self) -> None:
        with engine_failures("removing what a killed harness has left"):
            remove_stale(self._engine)
            self._images.remove_stale()
        if self._local:
            remove_stale_groups()

    def describe(self) -> dict[str, object]:
        """See `Sandbox.describe`."""
        return dict(self._description)

    def prepare(self, reference: str, *, limits: Limits) -> Image:
        """See `Sandbox.prepare`. The limits hold when it runs; an image has none."""
        with engine_failures(f"preparing {reference}"):
            return with_model(self._images.prepare(parted(reference)[0]), reference)

    def release(self, image: Image) -> None:
        """See `Sandbox.release`."""
        with engine_failures(f"releasing {image.reference}"):
            self._images.release(image)

    def close(self) -> None:
        """See `Sandbox.close`."""
        with self._held, engine_failures("removing what was loaded"):
            self._images.close()
            self._control.close()

    def run(self, image: Image, job: Job) -> Execution:
        """See `Sandbox.run`."""
        if problem := misplaced_volume(image, job) or self._refused.get(image.handle, ""):
            return refused(problem)
        number = next(_NUMBERS)
        name = f"segjudge_{self._owner}_{number}"
        with engine_failures("running a container"), contextlib.ExitStack() as at_last:
            at_last.callback(reclaim, job.outputs)
            # Around the trial of a refusal, too, whose container would make the cgroup again.
            cgroup = None
            if self._local:
                group = run_group(self._facts, self._description, token=self._owner, number=number)
                cgroup = at_last.enter_context(group)
            share = at_last.enter_context(self._processors.share(job.limits))
            gpu = at_last.enter_context(self._gpus.share(job.limits.gpus))
            try:
                with Volumes(self._engine, image, job, name=name, owner=self._owner):
                    hand_over(job, self._facts)
                    options = container_options(
                        job,
                        image,
                        self._facts,
                        name=name,
                        owner=self._owner,
                        cgroup_parent=cgroup.parent if cgroup else None,
                        accounts=self._files.accounts(image, container_user(self._facts)),
                        share=share,
                        calls=self._calls,
                        gpus=gpu.ids if gpu else (),
                    )
                    return self._run(name, options, image, job, cgroup, gpu)
            except CreationRefused as refusal:
                return self._refuse(image, refusal, name)

    def _refuse(self, image: Image, refusal: CreationRefused, name: str) -> Execution:
        """What the engine's refusal of a container is: the image's fault, or ours."""
        text = str(refusal)
        if is_exhausted(text) or not self._control.serves(refusal.options, f"{name}_control"):
            raise SandboxError(
                where="container engine",
                found=f"makes no container: {text}",
                mend="see `segjudge doctor`, then run again: finished cases are kept",
            ) from refusal
        self._refused[image.handle] = f"the engine makes no container of the image: {text}"
        return refused(self._refused[image.handle])

    def _run(
        self,
        name: str,
        options: dict[str, object],
        image: Image,
        job: Job,
        cgroup: RunCgroup | None,
        gpu: GpuMeter | None,
    ) -> Execution:
        log = BoundedLog(limit_bytes=job.limits.log_mib * _MIB)
        profile = Profile(job.profile_hz, gpu)
        version = self._description["cgroup_version"] if self._local else None
        podman = self._facts.podman
        own, above = (None, cgroup) if podman else (cgroup, None)
        meter = Meter(own, profile, version, limits=job.limits, gpu=gpu, above=above)
        started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        covered = tuple(place for place in image.around.covered if place.folder in mounted(job))
        with OwnedContainer(self._engine, name=name, options=options, log=log) as container:
            if cgroup is not None:
                cgroup.limit(container.id, memory_mib=job.limits.memory_mib)
            meter.expect(container)
            try:
                container.start()
            except StartRefused as refusal:
                wall_s = time.monotonic() - container.started_at
                given = self._enforced(options, job)
                return not_started(refusal, wall_s, started_at, options=given, covered=covered)
            room = Room(job.outputs)
            checks = [
                Watch(look=lambda: too_large(job), every_s=_WATCH_S),
                Watch(look=room.look, every_s=_WATCH_S),
                Watch(look=lambda: meter.look(container), every_s=_WATCH_S),
                Watch(look=meter.follow, every_s=_FOLLOW_S),
                # A disk is given away by the gigabyte, without a byte written, between two walks.
                Watch(look=lambda: too_large(job) if room.shrinks() else None, every_s=_FOLLOW_S),
            ]
            profile.start(container.started_at)
            if profile.every_s is not None:
                checks.append(Watch(look=meter.sample, every_s=profile.every_s))
            verdict = supervise(
                container.ended,
                started=container.started_at,
                timeout_s=job.limits.timeout_s,
                checks=checks,
            )
            if verdict is not None:
                meter.end_all()
                container.kill()
            state, wall_s = container.end()
            usage = meter.usage()
            if verdict is None:
                blame_ourselves(container, state, usage)
        ending, detail, exit_code = ending_of(verdict, state, usage, wall_s, job)
        if ending is not Ending.OUTPUT_TOO_LARGE:  # else it has filled the disk itself
            room.demand()
        return Execution(
            ending=ending,
            detail=detail,
            exit_code=exit_code,
            memory_kill=killed_for_memory(state, usage),
            covered=covered,
            wall_s=wall_s,
            cpu_s=usage.cpu_s,
            peak_memory_mib=usage.peak_memory_mib,
            measured_by=usage.measured_by,
            started_at=started_at,
            log=log.content(),
            options=self._enforced(options, job),
            startup_s=container.startup_s,
            profile=profile.samples(),
            peak_gpu_memory_mib=gpu.peak_mib if gpu else None,
            gpu_busy_s=gpu.busy_s if gpu else None,
            file_pages_mib=usage.file_pages_mib,
            throttled_s=usage.throttled_s,
            others_cpus=usage.others_cpus,
        )

    def _enforced(self, options: dict[str, object], job: Job) -> dict[str, object]:
        return {**options, "not_enforced": not_enforced(job.limits, self._facts, self._tried)}
