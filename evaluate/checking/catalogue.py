"""Every check of a submission, with its words: what is expected, why it matters, how to mend it.

One place, so that the terminal, the page and `docs/checks.md` say the same.
"""

from evaluate.checking.catalogue_of_answers import OF_ANSWERS, Check

CATALOGUE: dict[str, Check] = {
    # What is handed in, before anything runs.
    "archive-readable": Check(
        looks_at="the archive's members and its manifest",
        expected="one whole image, as `docker save` writes it",
        why="an archive that can't be read fails every case",
        mend="save it again with `docker save -o TEAM.tar IMAGE`, then `gzip TEAM.tar`, and compare"
        " the SHA-256 of both ends after the upload",
    ),
    "archive-name": Check(
        looks_at="the file's name",
        expected="the name that the protocol asks for",
        why="organisers' scripts find teams by the archive's name",
        mend="rename the file",
    ),
    "image-tag": Check(
        looks_at="the tags in the archive",
        expected="the tag that the protocol asks for",
        why="segjudge runs an image by its digest; an organiser's own script starts TEAM:latest",
        mend="`docker tag IMAGE TEAM:latest`, `docker save -o TEAM.tar TEAM:latest`,"
        " `gzip TEAM.tar`",
    ),
    "archive-size": Check(
        looks_at="the archive's size",
        expected="under the protocol's limit, or under 10 GiB where it sets none",
        why="large archives fail in upload, and fill the organiser's disk",
        mend="install without caches, copy only what runs, and start from a slim base image",
    ),
    "architecture": Check(
        looks_at="the processor and system that the image is for",
        expected="linux/amd64",
        why="an image for another processor does not start: `exec format error`",
        mend="build it with `docker build --platform linux/amd64`",
    ),
    "shell": Check(
        looks_at="whether the image holds the shell that the protocol starts",
        expected="the protocol's command, such as /bin/bash",
        why="the protocol starts every submission through it; slim and distroless images lack it",
        mend="install it in the Dockerfile, for example `RUN apk add bash`",
    ),
    "entry-point": Check(
        looks_at="predict.sh in the image's working directory, or in the folder; where the protocol"
        " starts the image itself, its ENTRYPOINT and CMD",
        expected="a file predict.sh with a first line, Unix line ends, and words that `sh` knows,"
        " or a program that is in the image",
        why="it is what is run; without it every case fails",
        mend="copy it in the Dockerfile: `WORKDIR /workspace` and `COPY predict.sh .`",
    ),
    "dockerfile": Check(
        looks_at="the Dockerfile in a folder",
        expected="a Dockerfile, so that the folder can be built",
        why="a folder without one runs only without an engine, which is not valid for scores",
        mend="add a Dockerfile, for example the one of `segjudge init NAME`",
    ),
    "file-modes": Check(
        looks_at="whether an unprivileged user may read what runs",
        expected="files and folders that everyone may read",
        why="the container does not run as root: segjudge opens such files for its run, and other"
        " harnesses do not",
        mend="end the Dockerfile's copies with `RUN chmod -R a+rX /workspace`",
    ),
    "covered-files": Check(
        looks_at="what the image keeps in /tmp and in the protocol's inputs and outputs folders",
        expected="nothing",
        why="empty folders are mounted there at run time: the image's files can't be seen",
        mend="copy them elsewhere in the Dockerfile, such as /opt or the working directory",
    ),
    "user": Check(
        looks_at="the image's USER",
        expected="any; it is not used",
        why="containers run as an unprivileged user of the harness, whatever the image says",
        mend="let everyone read the files, and write only to the outputs folder and /tmp",
    ),
    "secrets": Check(
        looks_at="names of keys and credentials, in every layer and in the settings",
        expected="none",
        why="whoever gets the image can read them, also from a layer where they were deleted later",
        mend="name them in .dockerignore, build again, and replace the key: it has been given away",
    ),
    "stray-files": Check(
        looks_at="version control, editors' folders and caches",
        expected="none",
        why="they make the archive larger and tell more than you want",
        mend="name them in .dockerignore and build again",
    ),
    "data-set": Check(
        looks_at="many medical image files in the layers",
        expected="none: models, not data",
        why="patients' images must not be handed on, and who carries answers is not judged",
        mend="name the data's folders in .dockerignore and build again",
    ),
    "image-age": Check(
        looks_at="when the image and its base were made",
        expected="less than two years ago",
        why="old base images hold libraries that are known to be open to attack",
        mend="build again from a current base image: `docker build --pull`",
    ),
    "layer-waste": Check(
        looks_at="files that a later layer deletes or replaces, and package caches",
        expected="under 200 MiB",
        why="deleted files stay in the archive: it is larger than what runs",
        mend="delete in the same RUN that made the files; `pip install --no-cache-dir`,"
        " `rm -rf /var/lib/apt/lists/*`",
    ),
    # How it runs.
    "sandbox": Check(
        looks_at="which sandbox ran the submission",
        expected="docker, as the organiser's",
        why="without containers, the network, the user and the read-only root are not tried",
        mend="check again on a machine with a container engine (`segjudge doctor`)",
    ),
    "starts": Check(
        looks_at="whether the command starts and ends with exit code 0",
        expected="exit code 0 on every case",
        why="a case that ends in another way scores as failed, whatever it has written",
        mend="the last lines of the log say where it stopped",
    ),
    "python-package": Check(
        looks_at="the log, for a missing Python package",
        expected="every package in the image",
        why="nothing can be installed at run time: there is no network",
        mend="add it to requirements.txt and build again",
    ),
    "time": Check(
        looks_at="the time of each case against the limit",
        expected="under four fifths of the time limit",
        why="the organiser's machine may be slower; over the limit a case scores as failed",
        mend="load less at start, use fewer threads or a smaller model, skip what no prompt asks"
        " for",
    ),
    "time-of-largest": Check(
        looks_at="the time that the protocol's largest case would take, by extrapolation",
        expected="under the time limit",
        why="the sanity cases are small; the challenge's are not",
        mend="try a case of that size: `segjudge check REF --manifest M`",
    ),
    "memory": Check(
        looks_at="the largest memory use of each case against the limit",
        expected="under four fifths of the memory limit",
        why="the kernel ends what needs more, and there is no swap",
        mend="load one model at a time, use float32 or less, work slice by slice",
    ),
    "memory-of-largest": Check(
        looks_at="the memory that the protocol's largest case would need, by extrapolation",
        expected="under the memory limit",
        why="the sanity cases are small; the challenge's are not",
        mend="try a case of that size: `segjudge check REF --manifest M`",
    ),
    "network": Check(
        looks_at="the log, for failed connections and name look-ups",
        expected="none",
        why="a container has no network: weights that are fetched at run time never come",
        mend="fetch in the Dockerfile, at build time, and set the library to work offline",
    ),
    "writes-outside": Check(
        looks_at="the log, for refused writes",
        expected="writes only to the outputs folder and /tmp",
        why="the rest of the file system is read-only, so that no case sees another",
        mend="write to /tmp; common caches are pointed there unless the image sets their variables",
    ),
    "unprivileged-user": Check(
        looks_at="the log, for refused permissions",
        expected="everything that it needs is open to an ordinary user",
        why="containers do not run as root",
        mend="end the Dockerfile with `RUN chmod -R a+rX /workspace`, and keep nothing of yours"
        " among the system's files (/etc, /var)",
    ),
    "gpu": Check(
        looks_at="the log, for CUDA; libraries of CUDA in the image",
        expected="none where the protocol gives no GPU; with one, that it can be used",
        why="a model that insists on a GPU fails on every case",
        mend="load with `map_location='cpu'`, and choose the device by `torch.cuda.is_available()`",
    ),
    "inputs-read": Check(
        looks_at="the log, for input files that it looked for in vain",
        expected="it reads the files that the protocol's `[[input.files]]` give",
        why="files have other names, or lie in other folders, than the program looks for",
        mend="take whatever one file lies in the folder, and look for no name; the README of"
        " `segjudge init NAME --protocol PROTOCOL` lists the files",
    ),
    "inputs-unchanged": Check(
        looks_at="the inputs folder afterwards",
        expected="the inputs as they were",
        why="the inputs are read-only for containers: a write to them fails there",
        mend="copy to /tmp what is to be changed",
    ),
    "leftover-files": Check(
        looks_at="further files in the outputs folder",
        expected="one file: the case's mask",
        why="they are not kept, and count towards the limit of the outputs folder",
        mend="write intermediate files to /tmp",
    ),
    "leftover-processes": Check(
        looks_at="processes that still run when the command has ended",
        expected="none",
        why="they are killed with the container: what they would still write is lost",
        mend="wait for them: `wait` in predict.sh, `pool.close(); pool.join()` in Python",
    ),
    "log-noise": Check(
        looks_at="the length of the log",
        expected="under 1,000 lines and 256 KiB a case",
        why="of a long log only head and tail are kept, and writing it costs time",
        mend="turn progress bars and debug messages off",
    ),
    # What it leaves.
    **OF_ANSWERS,
}
