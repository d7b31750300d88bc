// One subscription over a WebSocket, by the protocol graphql-transport-ws. The client of graphql-ws speaks it too; it
// has many operations in a connection, for which it takes a sixth of the size that the whole element may have.

import type { GraphQLProblem } from './http';

const PING_EVERY = 20_000;

export interface Events {
  /** What `connection_init` carries; asked at each connection. */
  payload: () => Promise<object>;
  next: (data: any, errors: GraphQLProblem[]) => void;
  /** The server refused the operation. */
  error: (errors: GraphQLProblem[]) => void;
  /** The connection is gone; `opened` is false if the server never accepted it. */
  closed: (code: number, opened: boolean) => void;
}

/** Open a connection with one subscription. Returns the function that closes it without further events. */
export function subscribe(url: string, query: string, variables: unknown, events: Events): () => void {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  const send = (message: object) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
  let opened = false;
  let answered = true;
  const pings = setInterval(() => {
    // A connection that is dead without knowing it answers no ping.
    if (!answered) return end(4408);
    answered = !send({ type: 'ping' }) && answered;
  }, PING_EVERY);
  const silence = () => {
    clearInterval(pings);
    socket.onopen = socket.onmessage = socket.onclose = null;
  };
  const end = (code: number) => {
    silence();
    socket.close();
    events.closed(code, opened);
  };
  socket.onopen = () =>
    events.payload().then(
      (payload) => send({ type: 'connection_init', payload }),
      () => end(4400),
    );
  socket.onclose = ({ code }) => end(code);
  socket.onmessage = ({ data }) => {
    const { type, payload } = JSON.parse(data);
    answered = true;
    if (type === 'connection_ack') {
      opened = true;
      send({ id: '1', type: 'subscribe', payload: { query, variables } });
    } else if (type === 'ping') send({ type: 'pong' });
    else if (type === 'next') events.next(payload.data, payload.errors ?? []);
    else if (type === 'error') events.error(payload);
    else if (type === 'complete') end(1000);
  };
  return () => {
    silence();
    socket.close(1000);
  };
}
