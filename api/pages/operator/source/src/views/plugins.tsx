// The installed plugins, and the problems of those that did not load.

import type { Plugin } from '../model';
import { PLUGINS } from '../queries';
import { Problem, useAnswer, useAround } from './parts';

export function Plugins() {
  const { text } = useAround();
  const { data, failure, again } = useAnswer<{ plugins: Plugin[] }>(PLUGINS, {});
  const sorted = [...(data?.plugins ?? [])].sort((one, other) => Number(one.loaded) - Number(other.loaded));
  const titles = (parts: { title: string }[]) => parts.map(({ title }) => title).join(', ');
  return (
    <section aria-label={text.views.plugins}>
      {failure && <Problem failure={failure} again={again} />}
      <ul class="card list">
        {sorted.map((plugin) => (
          <li key={plugin.name} data-plugin={plugin.name}>
            <div class="who">
              <strong>{plugin.name}</strong> <span class="quiet">{plugin.version}</span>
            </div>
            <div class="grow">
              <p class={plugin.loaded ? 'quiet' : 'wrong'}>{plugin.loaded ? text.loaded : text.notLoaded}</p>
              {plugin.problem && (
                <p>
                  {plugin.problem.code}: {plugin.problem.message}
                </p>
              )}
              {plugin.meters.length > 0 && <p class="quiet">{text.metersOf(titles(plugin.meters))}</p>}
              {plugin.notifiers.length > 0 && <p class="quiet">{text.notifiersOf(titles(plugin.notifiers))}</p>}
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
