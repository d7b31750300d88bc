// Sends events made by the CloudEvents SDK, one message for each line of the standard input:
//   {"mode": "binary" | "structured" | "batch", "events": [{…}]}
// The events are what the SDK's constructor takes; one with `bytes`, a text, has it as binary data.
// Prints the answer to each message on a line of its own.
//
// node send.mjs URL TOKEN

import { createInterface } from 'node:readline';
import { CloudEvent, emitterFor, httpTransport, Mode } from 'cloudevents';

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const transport = httpTransport(`${url}/events`);
const emit = {
  binary: emitterFor(transport, { mode: Mode.BINARY }),
  structured: emitterFor(transport, { mode: Mode.STRUCTURED }),
  // The SDK writes no batches: it leaves that to JSON.
  batch: (events) => transport(
    { headers: { 'Content-Type': 'application/cloudevents-batch+json' }, body: JSON.stringify(events) },
    { headers },
  ),
};

const made = ({ bytes, ...event }) =>
  new CloudEvent(bytes === undefined ? event : { ...event, data: new TextEncoder().encode(bytes) });

for await (const line of createInterface({ input: process.stdin })) {
  const { mode, events } = JSON.parse(line);
  const given = events.map(made);
  const answer = await (mode === 'batch' ? emit.batch(given) : emit[mode](given[0], { headers }));
  console.log(answer.body);
}
