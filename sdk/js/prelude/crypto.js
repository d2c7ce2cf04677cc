// Random numbers, digests and HMAC, of which the kernel does the work.

const maxRandom = 65536;
const hashes = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];

// pool holds random bytes for Math.random: the engine's own would begin alike in each copy of an instance, which is made
// before a plugin runs. There are few at first, since a call seldom needs more.
let pool = new Uint32Array();
let poolAt = 0;

const randomBytes = (length) => (length === 0 ? new Uint8Array() : Uint8Array.fromHex(host("random", String(length))));

function random() {
  if (poolAt === pool.length) {
    pool = new Uint32Array(randomBytes(pool.length === 0 ? 64 : 512).buffer);
    poolAt = 0;
  }
  return (pool[poolAt++] * 2 ** 21 + (pool[poolAt++] >>> 11)) / 2 ** 53;
}

let secretOf; // the secret of a key that is for a use

class CryptoKey {
  #secret;

  constructor(secret, hash, usages, extractable) {
    this.#secret = secret;
    Object.defineProperties(this, {
      type: { value: "secret", enumerable: true },
      extractable: { value: Boolean(extractable), enumerable: true },
      algorithm: {
        value: Object.freeze({ name: "HMAC", hash: Object.freeze({ name: hash }), length: secret.length * 8 }),
        enumerable: true,
      },
      usages: { value: Object.freeze([...usages]), enumerable: true },
    });
  }

  static {
    secretOf = (key, usage) => {
      if (key instanceof CryptoKey && key.usages.includes(usage)) return key.#secret;
      throw new DOMException(`the key is not for ${usage}`, "InvalidAccessError");
    };
  }
}

// hashOf is the name of one of the hashes, as a text or as an object has it.
function hashOf(algorithm) {
  const name = String(algorithm?.name ?? algorithm).toUpperCase();
  if (hashes.includes(name)) return name;
  throw new DOMException(`${name} is not there: ${hashes.join(", ")} are`, "NotSupportedError");
}

function onlyHMAC(algorithm) {
  const name = String(algorithm?.name ?? algorithm).toUpperCase();
  if (name !== "HMAC") throw new DOMException(`${name} is not there: HMAC is`, "NotSupportedError");
}

function hmac(key, data, usage) {
  const secret = secretOf(key, usage).toHex();
  return Uint8Array.fromHex(host("hmac", key.algorithm.hash.name, secret, view(data).toHex()));
}

// same compares in a time that does not depend on where they differ.
function same(a, b) {
  let difference = a.length ^ b.length;
  for (let at = 0; at < a.length; at++) difference |= a[at] ^ (b[at] ?? 0);
  return difference === 0;
}

const subtle = {
  async digest(algorithm, data) {
    return Uint8Array.fromHex(host("digest", hashOf(algorithm), view(data).toHex())).buffer;
  },

  async importKey(format, data, algorithm, extractable, usages) {
    if (format !== "raw") throw new DOMException(`keys in ${format} are not there: raw ones are`, "NotSupportedError");
    onlyHMAC(algorithm);
    if (usages.length === 0 || usages.some((usage) => usage !== "sign" && usage !== "verify")) {
      throw new SyntaxError("a key for HMAC is for sign, verify or both");
    }
    return new CryptoKey(view(data).slice(), hashOf(algorithm.hash), usages, extractable);
  },

  async sign(algorithm, key, data) {
    onlyHMAC(algorithm);
    return hmac(key, data, "sign").buffer;
  },

  async verify(algorithm, key, signature, data) {
    onlyHMAC(algorithm);
    return same(view(signature), hmac(key, data, "verify"));
  },
};

const crypto = {
  subtle,

  randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
  },

  getRandomValues(target) {
    if (!ArrayBuffer.isView(target) || target instanceof DataView || /Float/.test(target.constructor.name)) {
      throw new DOMException("an array of integers is expected", "TypeMismatchError");
    }
    if (target.byteLength > maxRandom)
      throw new DOMException(`at most ${maxRandom} bytes at once`, "QuotaExceededError");
    view(target).set(randomBytes(target.byteLength));
    return target;
  },
};

Math.random = random;
define({ crypto, CryptoKey });
