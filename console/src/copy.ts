// The buttons that copy a shell command. Commands contain no token: the shell reads it from
// $TOKEN or $PUBLISH_TOKEN.
import { find, setText } from "./dom.ts";

/** How long the confirmation stays visible, in milliseconds. */
const CONFIRMATION_MS = 4_000;

/** Attaches the copy buttons to the commands for the tenant at this URL. */
export function initCopyButtons(tenantUrl: string): void {
  const read = (path: string) => `curl '${tenantUrl}${path}' -H "Authorization: Bearer $TOKEN"`;
  const socketUrl = `${tenantUrl.replace(/^http/, "ws")}/api/subscribe`;
  const record = `[{"log_id":"'$(date +%s)'","data":{"type":"slo","user_id":"auth0|jane"}}]`;
  const commands: Readonly<Record<string, string>> = {
    subscribe: `node -e 'new WebSocket("${socketUrl}", ["session-events", "bearer." + process.env.TOKEN]).onmessage = ({ data }) => console.log(data)'`,
    events: read("/api/events"),
    subscribers: read("/api/listeners"),
    publish: `curl '${tenantUrl}/api/publish' -H "Authorization: $PUBLISH_TOKEN" -d '${record}'`,
  };
  setText(find("publish-command"), commands["publish"] ?? "");
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const command = commands[button.dataset["copy"] ?? ""] ?? "";
    button.addEventListener("click", () => void copy(command));
  }
}

async function copy(command: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(command);
  } catch {
    showCopyDialog(command);
    return;
  }
  const variable = command.includes("$PUBLISH_TOKEN") ? "PUBLISH_TOKEN" : "TOKEN";
  showConfirmation(`Copied. Export ${variable} with the token before you run the command.`);
}

let confirmationTimer: ReturnType<typeof setTimeout> | undefined;

function showConfirmation(text: string): void {
  clearTimeout(confirmationTimer);
  const confirmation = find("copy-confirmation");
  confirmation.textContent = text;
  confirmationTimer = setTimeout(() => (confirmation.textContent = ""), CONFIRMATION_MS);
}

/** Shows the command for manual copying. A page without TLS has no clipboard access, for example. */
function showCopyDialog(command: string): void {
  const text = find<HTMLTextAreaElement>("copy-text");
  text.value = command;
  find<HTMLDialogElement>("copy-dialog").showModal();
  text.select();
}
