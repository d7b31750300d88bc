// The account circle with its red halo while a limit is exceeded.

import type { Overview } from '../model';
import { known, View } from './context';

export class Halo extends View<{ overview: Overview | null }> {
  render() {
    const { store, text } = this.context;
    const { overview } = this.props;
    const on = overview?.warnings.halo;
    // Who has no figures has no valid token either.
    const viewer = overview && known(this.answer('viewer', store, () => store.viewer()));
    const name = viewer?.person?.name ?? overview?.license.name ?? '';
    const words = [...name.matchAll(/[\p{L}\p{N}]+/gu)].slice(0, 2);
    const initials = words.map(([[letter]]) => letter).join('').toUpperCase();
    const label = on ? text.accountExceeded : text.account;
    return (
      <span class={`halo ${on ? 'on' : ''}`} part={`halo ${on ? 'halo-on' : ''}`} role="img" aria-label={label} title={viewer?.person?.name ?? ''}>
        <slot name="account">{initials}</slot>
      </span>
    );
  }
}
