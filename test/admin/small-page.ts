// As much of a browser's page as the dashboard's script touches, so that what it shows can be read without a browser.
// An element takes text and other elements, and nothing that would be parsed.

export class SmallElement {
  readonly tag: string;
  readonly dataset: Record<string, string> = {};
  readonly attributes: Record<string, string> = {};
  className = "";
  hidden = false;
  open = false;
  #parent: SmallElement | null = null;
  #content: (SmallElement | string)[] = [];

  constructor(tag: string) {
    this.tag = tag;
  }

  get children(): SmallElement[] {
    return this.#content.filter((part) => typeof part !== "string");
  }

  get childElementCount(): number {
    return this.children.length;
  }

  get firstElementChild(): SmallElement | null {
    return this.children[0] ?? null;
  }

  get nextElementSibling(): SmallElement | null {
    const siblings = this.#parent?.children ?? [];
    return siblings[siblings.indexOf(this) + 1] ?? null;
  }

  get textContent(): string {
    return this.#content.map((part) => (typeof part === "string" ? part : part.textContent)).join("");
  }

  set textContent(text: string) {
    this.#content = [text];
  }

  setAttribute(name: string, value: string): void {
    this.attributes[name] = value;
  }

  append(...parts: (SmallElement | string)[]): void {
    for (const part of parts) this.insertBefore(part, null);
  }

  insertBefore(part: SmallElement | string, next: SmallElement | null): void {
    if (typeof part !== "string") {
      part.remove();
      part.#parent = this;
    }
    this.#content.splice(next === null ? this.#content.length : this.#content.indexOf(next), 0, part);
  }

  remove(): void {
    const parent = this.#parent;
    if (parent !== null) parent.#content = parent.#content.filter((part) => part !== this);
    this.#parent = null;
  }

  /** Beneath it, in the order of the page. */
  all(tag: string): SmallElement[] {
    return this.children.flatMap((child) => [...(child.tag === tag ? [child] : []), ...child.all(tag)]);
  }
}

export class SmallPage {
  readonly hidden = false;
  readonly #byId = new Map<string, SmallElement>();

  getElementById(id: string): SmallElement {
    const present = this.#byId.get(id) ?? new SmallElement("div");
    this.#byId.set(id, present);
    return present;
  }

  createElement(tag: string): SmallElement {
    return new SmallElement(tag);
  }
}
