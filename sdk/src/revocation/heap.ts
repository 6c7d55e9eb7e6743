// A binary min-heap (Cormen et al., "Introduction to Algorithms", section 6.5) that finds the item
// with the oldest time. Each item stores its own index, so that any item can be removed in
// logarithmic time. An item can be in two heaps at once if they use different slots.

export interface HeapItem {
  /** May change while the item is in a heap, if `update` is called afterwards. */
  readonly time: number;
  /** The index of the item in the heap that uses this slot. */
  listIndex: number;
  /** The same for the other slot. */
  userIndex: number;
}

export class Heap<Item extends HeapItem> {
  readonly #items: Item[] = [];
  readonly #slot: "listIndex" | "userIndex";

  constructor(slot: "listIndex" | "userIndex") {
    this.#slot = slot;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The item with the oldest time. */
  get oldest(): Item | undefined {
    return this.#items[0];
  }

  add(item: Item): void {
    this.#moveUp(item, this.#items.length);
  }

  remove(item: Item): void {
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#place(last, item[this.#slot]);
    this.update(last);
  }

  /** Restores the order after the time of an item has changed. */
  update(item: Item): void {
    this.#moveUp(item, item[this.#slot]);
    this.#moveDown(item, item[this.#slot]);
  }

  /** Places an item at `index` or at the nearest ancestor whose parent is not newer. */
  #moveUp(item: Item, index: number): void {
    while (index > 0) {
      const parentIndex = (index - 1) >>> 1;
      const parent = this.#items[parentIndex];
      if (!parent || parent.time <= item.time) break;
      this.#place(parent, index);
      index = parentIndex;
    }
    this.#place(item, index);
  }

  /** Places an item at `index` or at the nearest descendant whose children are not older. */
  #moveDown(item: Item, index: number): void {
    for (;;) {
      const child = this.#olderChild(index);
      if (!child || child.time >= item.time) break;
      const childIndex = child[this.#slot];
      this.#place(child, index);
      index = childIndex;
    }
    this.#place(item, index);
  }

  #olderChild(index: number): Item | undefined {
    const left = this.#items[2 * index + 1];
    const right = this.#items[2 * index + 2];
    return left && right && right.time < left.time ? right : left;
  }

  #place(item: Item, index: number): void {
    this.#items[index] = item;
    item[this.#slot] = index;
  }
}
