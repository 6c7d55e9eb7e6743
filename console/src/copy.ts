// The buttons that copy a command. None of the commands holds a token: the shell has them, as
// $TOKEN and $PUBLISH_TOKEN.
import { find } from "./dom.ts";

const SHOWN_FOR = 1_600;

/** Makes the buttons work, for the tenant at this URL. */
export function wireCopyButtons(tenantUrl: string): void {
  const read = (path: string) => `curl '${tenantUrl}${path}' -H "Authorization: Bearer $TOKEN"`;
  const record = `[{"log_id":"'$(date +%s)'","data":{"type":"slo","user_id":"auth0|jane"}}]`;
  const commands: Readonly<Record<string, string>> = {
    events: read("/api/events"),
    listeners: read("/api/listeners"),
    publish: `curl '${tenantUrl}/api/publish' -H "Authorization: $PUBLISH_TOKEN" -d '${record}'`,
  };
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const command = commands[button.dataset["copy"] ?? ""] ?? "";
    button.addEventListener("click", () => void copy(command, button));
  }
}

async function copy(command: string, button: HTMLButtonElement): Promise<void> {
  try {
    await navigator.clipboard.writeText(command);
  } catch {
    return offer(command);
  }
  const { textContent } = button;
  button.textContent = "Copied";
  button.disabled = true;
  setTimeout(() => {
    button.textContent = textContent;
    button.disabled = false;
    // A disabled button loses the keyboard.
    if (document.activeElement === document.body) button.focus();
  }, SHOWN_FOR);
}

/** Where there is no clipboard, as on a page without TLS, the reader copies by hand. */
function offer(command: string): void {
  const text = find<HTMLTextAreaElement>("copy-text");
  text.value = command;
  find<HTMLDialogElement>("copy-dialog").showModal();
  text.select();
}
