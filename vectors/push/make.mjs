// Messages as npm's web-push seals them, with keys of tests: `npm i web-push@3.6.7 && node make.mjs > web-push.json`.
// Salt and sender's key are random, so every run makes others; what they open to stays.
import { createECDH } from "node:crypto";
import { createRequire } from "node:module";

const webPush = createRequire(`${process.cwd()}/`)("web-push");
const text = bytes => Buffer.from(bytes).toString("base64url");

const cases = [0, 1, 16, 255, 3993].map((length, at) => {
  const receiver = createECDH("prime256v1");
  receiver.setPrivateKey(Buffer.alloc(32, at + 1));
  const auth = text(Buffer.alloc(16, at + 65));
  const content = Buffer.from(Array.from({ length }, (_, index) => (index * 7 + at) & 255));
  const { cipherText } = webPush.encrypt(receiver.getPublicKey("base64url"), auth, content, "aes128gcm");
  return { receiver_secret: text(receiver.getPrivateKey()), auth, content: text(content), body: text(cipherText) };
});
process.stdout.write(`${JSON.stringify({ source: "npm web-push 3.6.7", cases }, null, 2)}\n`);
