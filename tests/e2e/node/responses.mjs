// node responses.mjs BASE_URL MODEL CASE: one JSON line says what the SDK saw of the Responses API.
import { createRequire } from "node:module";

// NODE_PATH counts for require() only.
const OpenAI = createRequire(import.meta.url)("openai");

const [baseURL, model, name] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "none", maxRetries: 0, timeout: 60_000 });
const tool = { type: "function", name: "weather", description: "d", strict: true, parameters: { type: "object",
	properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false } };

const until = async (id, ...states) => {
	for (;;) {
		const r = await client.responses.retrieve(id);
		if (states.includes(r.status))
			return r;
		await new Promise((go) => setTimeout(go, 20));
	}
};

const cases = {
	async turns() {
		const first = await client.responses.create({ model, input: "one two" });
		const events = [];
		for await (const e of await client.responses.create({ model, input: "three", stream: true,
			previous_response_id: first.id }))
			events.push(e);
		const got = await client.responses.retrieve(first.id);
		const items = [];
		for await (const item of client.responses.inputItems.list(events.at(-1).response.id))
			items.push(item.content[0].text);
		await client.responses.delete(first.id);
		let gone = "";
		try {
			await client.responses.retrieve(first.id);
		} catch (e) {
			gone = e.constructor.name;
		}
		return { objects: [first, got, events.at(-1).response], events, items, gone, text: first.output_text };
	},
	async stream() {
		const stream = client.responses.stream({ model, input: "one two three" });
		let text = "";
		stream.on("response.output_text.delta", (e) => (text += e.delta));
		const final = await stream.finalResponse();
		return { objects: [final], text, final: final.output_text };
	},
	async tools() {
		const first = await client.responses.create({ model, input: "x", tools: [tool], tool_choice: "required" });
		const call = first.output.find((i) => i.type === "function_call");
		const second = await client.responses.create({ model, tools: [tool], previous_response_id: first.id,
			input: [{ type: "function_call_output", call_id: call.call_id, output: "warm" }] });
		return { objects: [first, second], name: call.name, arguments: Object.keys(JSON.parse(call.arguments)),
			text: second.output_text };
	},
	async structure() {
		const r = await client.responses.parse({ model, input: "x", text: { format: { type: "json_schema", name: "n",
			strict: true, schema: { type: "object", properties: { n: { type: "integer" } }, required: ["n"],
				additionalProperties: false } } } });
		return { objects: [], kind: typeof JSON.parse(r.output_text).n };
	},
	async background() {
		const r = await client.responses.create({ model, input: "one two", background: true });
		const done = await until(r.id, "completed");
		const events = [];
		for await (const e of await client.responses.retrieve(r.id, { stream: true }))
			events.push(e);
		return { objects: [r, done], events, status: r.status, text: done.output_text };
	},
	async conversation() {
		const c = await client.conversations.create({ metadata: { a: "b" } });
		const r = await client.responses.create({ model, input: "one", conversation: c.id });
		const texts = [];
		for await (const item of client.conversations.items.list(c.id, { order: "asc" }))
			texts.push(item.content[0].text);
		return { objects: [r], same: r.conversation.id === c.id, texts,
			deleted: (await client.conversations.delete(c.id)).deleted };
	},
	async error() {
		try {
			await client.responses.create({ model, input: "x" });
		} catch (e) {
			return { objects: [], kind: e.constructor.name, status: e.status, code: e.code };
		}
		return "no error";
	},
};

console.log(JSON.stringify(await cases[name]()));
