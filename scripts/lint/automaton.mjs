// An expression becomes an automaton whose states are the characters that it can read, each with those that may follow.
// What an expression asks for just before or behind a place (`^`, `\b`, one character looked at) is a condition of that
// step.

import { CharSet } from "refa";

/** A bounded repetition above this counts as one without a bound. */
const COPIES_MAX = 256;
/** One pass is a way; the second is another way through a loop that may be empty. */
const PASSES_MAX = 2;

/**
 * States are numbers. A step reads one character; a jump reads none, and may ask for the character before or behind.
 */
export class Automaton {
  /** Each state maps to its jumps and steps. */
  #nodes = [];
  #all;
  #pending;
  /** Each character that can be read is a position, with the positions that may follow. */
  positions = [];
  starts = [];

  constructor(maxCharacter, pending) {
    this.#all = CharSet.all(maxCharacter);
    this.#pending = pending;
  }

  build({ alternatives, isWhole }) {
    const [start, end] = [this.#node(), this.#node()];
    this.#alternatives(alternatives, start, end);
    const firsts = this.#reach(start);
    const byNode = new Map();
    const open = [...firsts.edges];
    for (let edge = open.pop(); edge !== undefined; edge = open.pop()) {
      if (byNode.has(edge.step)) continue;
      const { edges, accepts } = this.#reach(edge.step.to, end);
      byNode.set(edge.step, { characters: edge.step.characters, edges, accepts: isWhole ? accepts : [] });
      open.push(...edges);
    }
    // The positions come in the order of the expression, in which its states were made.
    const inOrder = [...byNode.entries()].sort(([one], [other]) => one.to - other.to);
    const index = new Map(inOrder.map(([step], at) => [step, at]));
    const numbered = (edges) => edges.map((edge) => ({ ...edge, to: index.get(edge.step) }));
    this.positions = inOrder.map(([, position]) => ({ ...position, edges: numbered(position.edges) }));
    this.starts = numbered(firsts.edges);
  }

  /** The match surely succeeds once it is here: it may end, or goes on until it may. */
  isSure({ accepts, edges, characters }, at) {
    return accepts.some(({ before, behind }) => {
      if (!characters.isSubsetOf(before)) return false;
      const loop = edges.find((edge) => edge.to === at && characters.isSubsetOf(edge.before));
      return behind.isAll || (loop !== undefined && behind.canBeEnd && behind.set.union(loop.characters).isAll);
    });
  }

  #node() {
    return this.#nodes.push([]) - 1;
  }

  #jump(from, to, condition = {}) {
    this.#nodes[from].push({ to, before: condition.before ?? this.#all, behind: condition.behind ?? this.#anything() });
  }

  #anything() {
    return { set: this.#all, canBeEnd: true, isAll: true };
  }

  #alternatives(alternatives, from, to) {
    for (const { elements } of alternatives) {
      let at = from;
      for (const element of elements) {
        const next = this.#node();
        this.#element(element, at, next);
        at = next;
      }
      this.#jump(at, to);
    }
  }

  #element(element, from, to) {
    if (element.type === "CharacterClass") this.#nodes[from].push({ to, characters: element.characters });
    else if (element.type === "Alternation") this.#alternatives(element.alternatives, from, to);
    else if (element.type === "Quantifier") this.#repeat(element, from, to);
    else if (element.type === "Assertion") this.#assert(element, from, to);
    // A reference to a group may read anything.
    else
      this.#repeat(
        { alternatives: [{ elements: [{ type: "CharacterClass", characters: this.#all }] }], min: 0, max: Infinity },
        from,
        to,
      );
  }

  #repeat({ alternatives, min, max }, from, to) {
    const isBounded = max !== null && max <= COPIES_MAX;
    const copies = isBounded ? max : Math.min(min, COPIES_MAX);
    let at = from;
    for (let copy = 0; copy < copies; copy += 1) {
      if (copy >= min) this.#jump(at, to);
      const next = this.#node();
      this.#alternatives(alternatives, at, next);
      at = next;
    }
    if (!isBounded) {
      const loop = this.#node();
      this.#jump(at, loop);
      this.#alternatives(alternatives, loop, loop);
      at = loop;
    }
    this.#jump(at, to);
  }

  /** A condition of the jump looks at one character before or behind. A longer look is an expression of its own. */
  #assert({ kind, negate, alternatives }, from, to) {
    const single = alternatives.every(
      ({ elements: [first, ...more] }) => first?.type === "CharacterClass" && more.length === 0,
    );
    if (single) {
      const set = CharSet.empty(this.#all.maximum).union(...alternatives.map(({ elements }) => elements[0].characters));
      const wanted = negate ? set.negate() : set;
      if (kind === "behind") this.#jump(from, to, { before: wanted });
      else this.#jump(from, to, { behind: { set: wanted, canBeEnd: negate, isAll: false } });
      return;
    }
    if (kind === "ahead") this.#alternatives(alternatives, from, this.#node());
    else this.#pending.push({ alternatives: reversed(alternatives), searches: true, isWhole: false });
    this.#jump(from, to);
  }

  /** Gives what can be read next from a state, by every way of jumps, and how the expression may end. */
  #reach(state, end) {
    const edges = [];
    const accepts = [];
    const passed = new Map();
    const walk = (at, before, behind) => {
      if (at === end) accepts.push({ before, behind });
      for (const move of this.#nodes[at]) {
        if (move.characters !== undefined) {
          const characters = behind.isAll ? move.characters : move.characters.intersect(behind.set);
          if (!characters.isEmpty) edges.push({ step: move, characters, before });
        } else if ((passed.get(move.to) ?? 0) < PASSES_MAX) {
          const both = behind.isAll
            ? move.behind
            : {
                set: behind.set.intersect(move.behind.set),
                canBeEnd: behind.canBeEnd && move.behind.canBeEnd,
                isAll: false,
              };
          passed.set(move.to, (passed.get(move.to) ?? 0) + 1);
          walk(move.to, before.intersect(move.before), both);
          passed.set(move.to, (passed.get(move.to) ?? 0) - 1);
        }
      }
    };
    walk(state, this.#all, this.#anything());
    return { edges, accepts };
  }
}

/** A look behind is matched from its end to its beginning. */
function reversed(alternatives) {
  return alternatives.map(({ elements }) => ({
    elements: elements.toReversed().map((element) => {
      if (element.type === "Assertion") return { ...element, kind: element.kind === "ahead" ? "behind" : "ahead" };
      return "alternatives" in element ? { ...element, alternatives: reversed(element.alternatives) } : element;
    }),
  }));
}
