"""Packs the package, as pyproject.toml asks for it: pip needs nothing from elsewhere to build and install it.

The functions are the hooks of PEP 517.
"""

import base64
import hashlib
import io
import pathlib
import tarfile
import tomllib
import zipfile

ROOT = pathlib.Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAME = f"{PROJECT['name']}-{PROJECT['version']}"
PARTS = ("carapace/*.py", "carapace/*.pyi", "carapace/py.typed")


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    files = {file.relative_to(ROOT).as_posix(): file.read_bytes() for part in PARTS for file in sorted(ROOT.glob(part))}
    files[f"{NAME}.dist-info/METADATA"] = metadata().encode()
    files[f"{NAME}.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: carapace\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = f"{NAME}.dist-info/RECORD"
    lines = [f"{name},sha256={digest(data)},{len(data)}\n" for name, data in files.items()]
    files[record] = "".join([*lines, f"{record},,\n"]).encode()
    wheel = f"{NAME}-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # without a time, so that all wheels are alike
    return wheel


def build_sdist(sdist_directory, config_settings=None):
    sdist = f"{NAME}.tar.gz"
    with tarfile.open(pathlib.Path(sdist_directory, sdist), "w:gz", format=tarfile.PAX_FORMAT) as archive:
        for part in ("pyproject.toml", "backend.py", PROJECT["readme"], *PARTS):
            for file in sorted(ROOT.glob(part)):
                archive.add(file, f"{NAME}/{file.relative_to(ROOT).as_posix()}")
        info, data = tarfile.TarInfo(f"{NAME}/PKG-INFO"), metadata().encode()
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return sdist


def metadata():
    head = {
        "Metadata-Version": "2.1",
        "Name": PROJECT["name"],
        "Version": PROJECT["version"],
        "Summary": PROJECT["description"],
        "License": PROJECT["license"]["text"],
        "Requires-Python": PROJECT["requires-python"],
        "Description-Content-Type": "text/markdown",
    }
    readme = (ROOT / PROJECT["readme"]).read_text(encoding="utf-8")
    return "".join(f"{key}: {value}\n" for key, value in head.items()) + "\n" + readme


def digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
