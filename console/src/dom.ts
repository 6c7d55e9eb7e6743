// Helpers that find and create elements. Text is only ever set as text, so the contents of an event
// cannot become markup, and hidden characters in it are escaped.
import { escapeHidden } from "./escape.ts";

/** Returns an element of the page by its id. Throws if it is missing. */
export function find<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element as unknown as T;
}

/** Sets the text of an element, with hidden characters escaped. */
export function setText(element: Node, text: string): void {
  element.textContent = escapeHidden(text);
}

/** Creates an HTML element. String children become text nodes. */
export function html<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  return complete(element, attributes, children);
}

/** Creates an SVG element. String children become text nodes. */
export function svg<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Readonly<Record<string, string | number>> = {},
  ...children: readonly (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  return complete(element, attributes, children);
}

function complete<E extends Element>(
  element: E,
  attributes: Readonly<Record<string, string | number>>,
  children: readonly (Node | string)[],
): E {
  for (const [name, value] of Object.entries(attributes))
    element.setAttribute(name, escapeHidden(String(value)));
  element.append(
    ...children.map((child) => (typeof child === "string" ? escapeHidden(child) : child)),
  );
  return element;
}
