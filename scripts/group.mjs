// A program as a process group of its own, which can be ended as a whole, with whatever the
// program has started itself: a shell's commands, cargo's compilers, wrangler's runtime.
import { spawn } from "node:child_process";

/** Starts a program as a group; the group gets `lastSignal` when this process comes to its end. */
export function spawnGroup(command, args, { lastSignal = "SIGTERM", ...options }) {
  const child = spawn(command, args, {
    stdio: ["ignore", "pipe", "pipe"],
    ...options,
    detached: true,
  });
  const end = () => signalGroup(child, lastSignal);
  process.once("exit", end);
  child.once("close", () => process.off("exit", end));
  return child;
}

/** Signals all of a group; one that is gone already is what was wanted. */
export function signalGroup({ pid }, signal) {
  try {
    if (pid) process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
