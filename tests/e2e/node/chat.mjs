// node chat.mjs BASE_URL MODEL CASE: one JSON line says what the SDK saw.
import { createRequire } from "node:module";

// NODE_PATH counts for require() only.
const OpenAI = createRequire(import.meta.url)("openai");

const [baseURL, model, name] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const messages = [{ role: "user", content: "one two three" }];

async function collect(stream) {
	const texts = {};
	for await (const chunk of stream)
		for (const c of chunk.choices)
			texts[c.index] = (texts[c.index] ?? "") + (c.delta.content ?? "");
	return texts;
}

const cases = {
	async whole() {
		const r = await client.chat.completions.create({ model, messages });
		return { text: r.choices[0].message.content, model: r.model, total: r.usage.total_tokens };
	},
	async stream() {
		return collect(await client.chat.completions.create({ model, messages, n: 2, stream: true }));
	},
	async completions() {
		const r = await client.completions.create({ model, prompt: "one two" });
		let streamed = "";
		for await (const part of await client.completions.create({ model, prompt: "one two", stream: true }))
			streamed += part.choices[0].text;
		return { text: r.choices[0].text, streamed, model: r.model };
	},
	async embeddings() {
		const ask = { model, input: ["a", "b"], dimensions: 4 };
		const coded = await client.embeddings.create(ask);
		const plain = await client.embeddings.create({ ...ask, encoding_format: "float" });
		const vectors = (r) => r.data.map((d) => Array.from(d.embedding, Math.fround));
		return { same: JSON.stringify(vectors(coded)) === JSON.stringify(vectors(plain)), count: vectors(coded).length,
			length: vectors(coded)[0].length, model: coded.model };
	},
	async moderations() {
		return (await client.moderations.create({ input: "x" })).results[0];
	},
	async stored() {
		const chats = client.chat.completions;
		const made = [];
		for (let i = 0; i < 5; i++)
			made.push((await chats.create({ model, messages: [...messages, { role: "user", content: `${i}` }],
				metadata: { n: `${i % 2}` } })).id);
		const ids = async (pages) => {
			const all = [];
			for await (const x of pages)
				all.push(made.indexOf(x.id));
			return all;
		};
		const got = await chats.retrieve(made[0]);
		const said = [];
		for await (const m of chats.messages.list(made[0], { limit: 1 }))
			said.push(m.role);
		const updated = await chats.update(made[0], { metadata: { n: "9" } });
		const gone = await chats.delete(made[1]);
		let unknown = "";
		try {
			await chats.retrieve(made[1]);
		} catch (e) {
			unknown = e.constructor.name;
		}
		/* echo says the last message, and its ids follow from the body */
		return { all: await ids(chats.list({ limit: 2 })), odd: await ids(chats.list({ metadata: { n: "1" } })),
			text: got.choices[0].message.content, said, metadata: updated.metadata, deleted: gone.deleted, unknown };
	},
	async models() {
		const ids = [];
		for await (const m of client.models.list())
			ids.push(m.id);
		return ids;
	},
	async error() {
		try {
			await client.chat.completions.create({ model, messages });
		} catch (e) {
			return { kind: e.constructor.name, status: e.status, code: e.code, id: e.requestID };
		}
		return "no error";
	},
	async abort() {
		const stream = await client.chat.completions.create({ model, messages, stream: true });
		for await (const chunk of stream) {
			stream.controller.abort();
			return { first: chunk.choices[0].delta.content };
		}
		return "no chunk";
	},
};

console.log(JSON.stringify(await cases[name]()));
