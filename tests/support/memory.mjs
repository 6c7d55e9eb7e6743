// The memory of a process, as Linux reports it.
import { readFileSync } from "node:fs";

/** Returns the resident memory of a process in bytes: its present and its highest amount. */
export function residentMemory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const bytes = (name) =>
    Number(status.match(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m"))[1]) * 1024;
  return { current: bytes("VmRSS"), peak: bytes("VmHWM") };
}
