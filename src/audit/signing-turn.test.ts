import assert from "node:assert/strict";
import { test } from "node:test";
import type { PeerStore } from "./peer-store.ts";
import { maxSilenceMs, SigningTurn } from "./signing-turn.ts";

function turnOf(): {
  readonly turn: SigningTurn;
  readonly world: { now: number; signer: boolean; taken: number };
} {
  const world = { now: 0, signer: true, taken: 0 };
  const peers: PeerStore = {
    hasEnded: async () => false,
    takeSigning: async () => {
      world.taken += 1;
    },
    hasSigner: async () => world.signer,
    claimLeft: async () => [],
    settle: async () => {},
    leave: async () => {},
  };
  return { turn: new SigningTurn(peers, () => world.now), world };
}

test("whoever takes over writing signs until another does", async () => {
  const { turn, world } = turnOf();
  assert.equal(await turn.take(0, 5), true);
  turn.lost();
  assert.equal(await turn.take(5, 5), false);
  assert.equal(world.taken, 0);
});

test("while another signs, its turn is not taken, however much is written meanwhile", async () => {
  const { turn, world } = turnOf();
  turn.lost();
  for (let second = 0; second < 100; second += 1) {
    world.now = second * 1_000;
    assert.equal(await turn.take(10 * second, 10 * second + 7), false);
  }
  assert.equal(world.taken, 0);
});

test("the turn of one that has fallen silent is taken, once there is something to sign", async () => {
  const { turn, world } = turnOf();
  turn.lost();
  assert.equal(await turn.take(10, 10), false);
  world.now = 60_000;
  assert.equal(await turn.take(10, 11), false, "it has only begun to wait");
  world.now += maxSilenceMs - 1;
  assert.equal(await turn.take(10, 12), false);
  world.now += 1;
  assert.equal(await turn.take(10, 12), true);
  assert.equal(world.taken, 1);
});

test("the turn of one that has left is taken at once", async () => {
  const { turn, world } = turnOf();
  turn.lost();
  assert.equal(await turn.take(10, 10), false);
  world.signer = false;
  assert.equal(await turn.take(10, 11), true);
});
