// Signs every example delivery with GitHub's own library and sends it to the
// address given. The secret comes in SECRET. For each it prints one line:
// GUID, event, the SHA-256 of what was sent, and the answer's status.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createRequire } from "node:module";
import { sign, verify } from "@octokit/webhooks-methods";

const [to] = process.argv.slice(2);
const secret = process.env.SECRET;
const folder = dirname(createRequire(import.meta.url).resolve("@octokit/webhooks-examples/package.json"));

const deliveries = [];
for (const product of readdirSync(folder, { withFileTypes: true })) {
  if (!product.isDirectory()) continue;
  for (const { name, examples } of JSON.parse(readFileSync(join(folder, product.name, "index.json"), "utf8"))) {
    for (const [i, example] of examples.entries()) {
      deliveries.push({ guid: `${product.name}-${name}-${i}`.replaceAll(/[^0-9A-Za-z-]/g, "-"), event: name, example });
    }
  }
}

async function send({ guid, event, example }, i) {
  // As GitHub writes it, and, for every third, as a person would.
  const body = JSON.stringify(example, null, i % 3 === 0 ? 2 : 0);
  const signature = await sign(secret, body);
  if (await verify(secret, body + " ", signature)) throw new Error("the library takes another body");
  const response = await fetch(to, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/044aadd",
      "x-github-delivery": guid,
      "x-github-event": event,
      "x-github-hook-id": "292430182",
      "x-github-hook-installation-target-id": "79929171",
      "x-github-hook-installation-target-type": "repository",
      "x-hub-signature-256": signature,
    },
  });
  await response.arrayBuffer();
  console.log(guid, event, createHash("sha256").update(body).digest("hex"), response.status);
}

let next = 0;
await Promise.all(
  Array.from({ length: 16 }, async () => {
    for (let i = next++; i < deliveries.length; i = next++) await send(deliveries[i], i);
  }),
);
