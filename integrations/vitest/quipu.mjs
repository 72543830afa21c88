// A session of recordings for each test of Vitest, and its verdict.
//
//	export default { test: { setupFiles: ['path/to/integrations/vitest/quipu.mjs'] } }
//	quipu run -- npx vitest run
//
// Each test gets OPENAI_BASE_URL with its own session in it, so that a client made
// in the test needs no change. A request without a recording fails the test and says
// why. Outside of quipu run (no QUIPU_URL) nothing happens. Tests that run
// concurrently in one file share process.env: give their clients
// quipuSession(task).baseURL instead.
import { afterEach, beforeEach } from 'vitest';

const url = (process.env.QUIPU_URL ?? '').replace(/\/$/, '');
const before = process.env.OPENAI_BASE_URL;
const failed = ['missed', 'exhausted', 'differs', 'lost'];
const strict = ['unused', 'edited', 'stale'];

function nameOf(task) {
	const names = [];
	for (let at = task; at && at !== task.file; at = at.suite)
		names.unshift(at.name);
	return [task.file?.name, ...names].filter(Boolean).join(' > ');
}

export function quipuSession(task) {
	const name = nameOf(task);
	const id = encodeURIComponent(name);
	return { name, id, baseURL: `${url}/s/${id}/v1` };
}

async function call(method, path, body) {
	const answer = await fetch(`${url}/v1alpha/replay/sessions${path}`, {
		method,
		headers: { 'content-type': 'application/json' },
		body: body && JSON.stringify(body),
	});
	const text = await answer.text();
	if (!answer.ok)
		throw new Error(`quipu: ${answer.status} ${text}`);
	return JSON.parse(text);
}

export function explain(verdict) {
	const kinds = [...failed, ...(verdict.strict ? strict : [])];
	const lines = kinds.flatMap((kind) => verdict[kind].map((text) => `${kind}: ${text}`));
	return [`quipu: ${verdict.verdict} (session ${verdict.id}, mode ${verdict.mode})`, ...lines].join('\n');
}

if (url) {
	beforeEach(async ({ task }) => {
		const session = quipuSession(task);
		await call('POST', '', { name: session.name });
		process.env.OPENAI_BASE_URL = session.baseURL;
	});
	afterEach(async ({ task }) => {
		process.env.OPENAI_BASE_URL = before;
		const verdict = await call('DELETE', `/${quipuSession(task).id}`);
		if (!verdict.ok)
			throw new Error(explain(verdict));
	});
}
