// Starts programs as process groups. A signal to the group also reaches the processes that the
// program started: a shell's commands, cargo's compilers, wrangler's runtime.
import { spawn } from "node:child_process";

/** Starts a program in its own process group. The group gets `lastSignal` when this process exits. */
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

/** Sends a signal to every process of a group. Does nothing if the group has already exited. */
export function signalGroup({ pid }, signal) {
  try {
    if (pid) process.kill(-pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}
