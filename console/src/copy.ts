// Copies text. The buttons of the page copy a shell command. Commands contain no token: the shell
// reads it from $TOKEN or $PUBLISH_TOKEN.
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
    button.addEventListener("click", () => void copyCommand(command));
  }
}

function copyCommand(command: string): Promise<void> {
  const variable = command.includes("$PUBLISH_TOKEN") ? "PUBLISH_TOKEN" : "TOKEN";
  const confirmation = `Copied. Export ${variable} with the token before you run the command.`;
  return copy(command, { name: "command", confirmation });
}

/** Copies a text and confirms it. Without access to the clipboard, shows the text by its name. */
export async function copy(
  text: string,
  { name, confirmation }: { readonly name: string; readonly confirmation: string },
): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    showCopyDialog(text, name);
    return;
  }
  showConfirmation(confirmation);
}

let confirmationTimer: ReturnType<typeof setTimeout> | undefined;

function showConfirmation(text: string): void {
  clearTimeout(confirmationTimer);
  const confirmation = find("copy-confirmation");
  confirmation.textContent = text;
  confirmationTimer = setTimeout(() => (confirmation.textContent = ""), CONFIRMATION_MS);
}

/** Shows the text for manual copying. A page without TLS has no clipboard access, for example. */
function showCopyDialog(content: string, name: string): void {
  setText(find("copy-title"), `Copy the ${name}`);
  const text = find<HTMLTextAreaElement>("copy-text");
  text.value = content;
  find<HTMLDialogElement>("copy-dialog").showModal();
  text.select();
}
