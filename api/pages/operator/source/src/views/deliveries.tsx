// Deliveries that are stuck: given up, or tried again. Each can be sent again.

import { useState } from 'preact/hooks';
import { ask } from '../api';
import type { Connection, Delivery, Failure } from '../model';
import { DELIVERIES, REDELIVER } from '../queries';
import { failureOf, LicenseLink, Pages, Problem, Reason, useAnswer, useAround, usePages } from './parts';

export function Deliveries({ said }: { said: (words: string) => void }) {
  const { text, formats } = useAround();
  const pages = usePages('deliveries');
  const { data, failure, again } = useAnswer<{ stuckDeliveries: Connection<Delivery> }>(DELIVERIES, { after: pages.after });
  const [refused, setRefused] = useState<Failure | null>(null);
  const found = data?.stuckDeliveries;
  async function send({ id, license }: Delivery) {
    setRefused(null);
    try {
      const input = { license: license.key, delivery: id };
      const { redeliver } = await ask<{ redeliver: { errors: Omit<Failure, 'trace'>[] } }>(formats.language, REDELIVER, { input });
      if (redeliver.errors[0]) setRefused({ ...redeliver.errors[0], trace: null });
      else said(text.sentAgain);
    } catch (error) {
      setRefused(failureOf(error));
    }
    again();
  }
  return (
    <section aria-label={text.views.deliveries}>
      {failure && <Problem failure={failure} again={again} />}
      {refused && (
        <div class="card wrong" role="alert">
          <Reason failure={refused} />
        </div>
      )}
      {found?.edges.length === 0 && <p class="card">{text.noDeliveries}</p>}
      {found && found.edges.length > 0 && (
        <ul class="card list">
          {found.edges.map(({ node }) => (
            <li key={node.id} data-delivery={node.id}>
              <LicenseLink license={node.license} />
              <div class="grow">
                <p>
                  <strong>{text.to(text.channels[node.channel] ?? node.channel, node.recipient)}</strong> · {text.kinds[node.kind] ?? node.kind}
                </p>
                <p>{node.detail}</p>
                <p class="quiet">
                  {node.status === 'PARKED' ? text.parked : text.retried(formats.time(node.dueAt ?? node.createdAt))} ·{' '}
                  {text.attempts(formats.number(node.attempts), node.attempts === 1)} · {formats.time(node.createdAt)}
                </p>
              </div>
              <button class="button" onClick={() => void send(node)}>
                {text.sendAgain}
              </button>
            </li>
          ))}
        </ul>
      )}
      {found && <Pages pages={pages} info={found.pageInfo} />}
    </section>
  );
}
