/**
 * Who runs when. Every round runs every subject once, in a new random order, so that a busy moment
 * of the host, or the cache that one subject leaves to the next, is nobody's own.
 */

/**
 * A pseudo-random sequence, uniform in [0, 1), that its seed determines (a Weyl sequence put
 * through an integer hash).
 * @param seed 0 to 2^32-1.
 */
export function randomSequence(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** @returns one list per round, each with all of `subjects` in its own order. */
export function makeRounds<T>(subjects: readonly T[], rounds: number, random: () => number): T[][] {
  return Array.from({ length: rounds }, () => shuffle(subjects, random));
}

/** Fisher and Yates's shuffle: every order equally likely. */
function shuffle<T>(list: readonly T[], random: () => number): T[] {
  const pool = [...list];
  return list.flatMap(() => pool.splice(Math.floor(random() * pool.length), 1));
}
