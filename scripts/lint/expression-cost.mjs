// This file decides whether a regular expression can take more than linear time. It is sound for what V8's backtracking
// does, but for the factor of bounded repetitions: an expression that it calls linear is linear; it may refuse a linear
// one, where the text behind a loop always matches.
//
// The expression becomes an automaton of its characters. Three things make more than linear (Weber and Seidl, 1991): a
// loop that a search begun later can reach while the first is still in it ("search"), two loops that may share out one
// text in many ways ("trade"), and a loop with two ways through the same text ("nested").

import { JS } from "refa";

import { Automaton } from "./automaton.mjs";

const STEPS_MAX = 3_000_000;

/** Gives null when the expression is linear, else a word for what may cost more. */
export function superLinearPart(pattern, flags) {
  const { expression, maxCharacter } = parsed(pattern, flags);
  const searches = !flags.includes("y");
  const pending = [{ alternatives: expression.alternatives, searches, isWhole: true }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const automaton = new Automaton(maxCharacter, pending);
    automaton.build(next);
    const part = costOf(automaton, { searches: next.searches, isGlobal: flags.includes("g") });
    if (part !== null) return part;
  }
  return null;
}

/** Gives what the expression reads: the characters of each of its places. */
export function positionsOf(pattern, flags) {
  const { expression, maxCharacter } = parsed(pattern, flags);
  const automaton = new Automaton(maxCharacter, []);
  automaton.build({ alternatives: expression.alternatives, isWhole: true });
  return automaton.positions;
}

function parsed(pattern, flags) {
  return JS.Parser.fromLiteral({ source: pattern, flags }).parse({ backreferences: "unknown", maxNodes: 1_000_000 });
}

const SEARCH = -1;

function costOf(automaton, { searches, isGlobal }) {
  const { positions } = automaton;
  const sure = new Set([...positions.keys()].filter((at) => automaton.isSure(positions[at], at)));
  // Nothing is read again where the match is sure. A search for all matches goes on behind it, so it may be passed.
  const isGone = (at) => !isGlobal && sure.has(at);
  const edgesOf = (at) =>
    at === SEARCH
      ? [{ to: SEARCH, before: null, characters: null }, ...automaton.starts.filter(({ to }) => !isGone(to))]
      : positions[at].edges.filter(({ to }) => !isGone(to));
  const charactersOf = (at) => (at === SEARCH ? null : positions[at].characters);
  const loops = loopsOf(positions, edgesOf)
    .map((loop) => new Set([...loop].filter((at) => !isGone(at))))
    .filter(({ size }) => size > 0);
  const graph = { edgesOf, charactersOf };
  try {
    for (const loop of loops) if (hasTwoWays(graph, loop)) return "nested";
    for (const loop of loops) {
      const [at] = [...loop].filter((position) => !sure.has(position));
      if (at === undefined) continue;
      for (const end of loop)
        if (searches && !sure.has(end) && connects(graph, [SEARCH, end], [end, end], [null, loop])) return "search";
    }
    for (const first of loops)
      for (const second of loops) {
        if (first === second) continue;
        for (const a of first)
          for (const b of second)
            if (!sure.has(a) && !sure.has(b) && connects(graph, [a, a, b], [a, b, b], [first, null, second]))
              return "trade";
      }
  } catch (error) {
    if (error instanceof RangeError) return "too large to tell";
    throw error;
  }
  return null;
}

/** Gives the sets of positions that reach each other. */
function loopsOf(positions, edgesOf) {
  const reach = positions.map((_, from) => {
    const seen = new Set();
    const open = [from];
    for (let at = open.pop(); at !== undefined; at = open.pop())
      for (const { to } of edgesOf(at))
        if (!seen.has(to)) {
          seen.add(to);
          open.push(to);
        }
    return seen;
  });
  const loops = [];
  const done = new Set();
  for (const [at] of positions.entries()) {
    if (done.has(at) || !reach[at].has(at)) continue;
    const loop = new Set([...reach[at]].filter((to) => reach[to].has(at)));
    for (const member of loop) done.add(member);
    loops.push(loop);
  }
  return loops;
}

/** Says whether one text can lead from a position of the loop back to it by two ways. */
function hasTwoWays(graph, loop) {
  for (const at of loop) {
    const inside = graph.edgesOf(at).filter(({ to }) => loop.has(to));
    for (const [index, one] of inside.entries())
      for (const other of inside.slice(index + 1)) {
        if (one.characters.isDisjointWith(other.characters) || one.before.isDisjointWith(other.before)) continue;
        if ((one.to === at && other.to === at) || connects(graph, [one.to, other.to], [at, at], [loop, loop]))
          return true;
      }
  }
  return false;
}

/**
 * Says whether one text can lead several readers at once from one tuple of positions to another, each within its
 * bounds.
 */
function connects({ edgesOf, charactersOf }, from, to, bounds) {
  const goal = String(to);
  const seen = new Set();
  const open = [from];
  let steps = 0;
  for (let tuple = open.pop(); tuple !== undefined; tuple = open.pop()) {
    const last = meet(tuple.map(charactersOf));
    let nexts = [{ tuple: [], characters: null }];
    for (const [reader, at] of tuple.entries()) {
      const edges = edgesOf(at).filter(
        (edge) =>
          (bounds[reader]?.has(edge.to) ?? true) &&
          (edge.before === null || last === null || !edge.before.isDisjointWith(last)),
      );
      nexts = nexts.flatMap((next) =>
        edges.flatMap((edge) => {
          steps += 1;
          const characters = meet([next.characters, edge.characters]);
          return characters !== null && characters.isEmpty ? [] : [{ tuple: [...next.tuple, edge.to], characters }];
        }),
      );
    }
    if (steps > STEPS_MAX) throw new RangeError("too many steps");
    for (const next of nexts) {
      const key = String(next.tuple);
      if (key === goal) return true;
      if (!seen.has(key)) {
        seen.add(key);
        open.push(next.tuple);
      }
    }
  }
  return false;
}

/** Gives what all sets share; null stands for every character. */
function meet(sets) {
  return sets.reduce((all, set) => (all === null ? set : set === null ? all : all.intersect(set)), null);
}
