"""What this machine is, and how much memory a process of it held."""

import os
import platform
from importlib import import_module
from pathlib import Path
from types import ModuleType

_KIB_IN_MB = 1024 / 10**6


def hardware_name() -> str:
    """Return processor and number of usable cores, such as `Intel(R) Xeon(R) CPU @ 2.20GHz x 2`.

    It names the kind of machine, never this one: two runners of one kind have one name.
    """
    return f"{_processor()} x {_cores()}"


def peak_memory_mb(pid: int) -> float | None:
    """Return the most memory that a running process ever held (MB, 10**6 bytes); None: unknown.

    Linux's kernel keeps that peak. Elsewhere `psutil`, where it is installed, gives the peak
    (Windows) or what the process holds at this moment (macOS).
    """
    peak = _kernel_peak(pid)
    return _psutil_peak(pid) if peak is None else peak


def _kernel_peak(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    for line in status.splitlines():
        name, _, value = line.partition(":")
        if name == "VmHWM":
            return int(value.split()[0]) * _KIB_IN_MB
    return None


def _psutil_peak(pid: int) -> float | None:
    psutil = _psutil()
    if psutil is None:
        return None
    try:
        memory = psutil.Process(pid).memory_info()
    except psutil.Error:
        return None
    return float(getattr(memory, "peak_wset", memory.rss)) / 10**6


def _psutil() -> ModuleType | None:
    try:
        return import_module("psutil")  # optional: not ours to ask for
    except ImportError:
        return None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine() or "unknown processor"


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
