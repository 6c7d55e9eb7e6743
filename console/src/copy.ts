// The buttons that copy a command. None of the commands holds a token: the shell has them, as
// $TOKEN and $PUBLISH_TOKEN.
import { find } from "./dom.ts";

/** How long it is said that something was copied, in milliseconds. */
const SHOWN_FOR = 4_000;

/** Makes the buttons work, for the tenant at this URL. */
export function wireCopyButtons(tenantUrl: string): void {
  const read = (path: string) => `curl '${tenantUrl}${path}' -H "Authorization: Bearer $TOKEN"`;
  const socketUrl = `${tenantUrl.replace(/^http/, "ws")}/api/subscribe`;
  const record = `[{"log_id":"'$(date +%s)'","data":{"type":"slo","user_id":"auth0|jane"}}]`;
  const commands: Readonly<Record<string, string>> = {
    listen: `node -e 'new WebSocket("${socketUrl}", ["session-events", "bearer." + process.env.TOKEN]).onmessage = ({ data }) => console.log(data)'`,
    events: read("/api/events"),
    listeners: read("/api/listeners"),
    publish: `curl '${tenantUrl}/api/publish' -H "Authorization: $PUBLISH_TOKEN" -d '${record}'`,
  };
  find("publish-command").textContent = commands["publish"] ?? "";
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const command = commands[button.dataset["copy"] ?? ""] ?? "";
    button.addEventListener("click", () => void copy(command));
  }
}

async function copy(command: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(command);
  } catch {
    return offer(command);
  }
  const variable = command.includes("$PUBLISH_TOKEN") ? "PUBLISH_TOKEN" : "TOKEN";
  say(`Copied. It reads the token from ${variable}: export that first.`);
}

let silence: ReturnType<typeof setTimeout> | undefined;

function say(text: string): void {
  clearTimeout(silence);
  find("said").textContent = text;
  silence = setTimeout(() => (find("said").textContent = ""), SHOWN_FOR);
}

/** Where there is no clipboard, as on a page without TLS, the reader copies by hand. */
function offer(command: string): void {
  const text = find<HTMLTextAreaElement>("copy-text");
  text.value = command;
  find<HTMLDialogElement>("copy-dialog").showModal();
  text.select();
}
