// The page: who is signed in, the navigation, the view, and what changes meanwhile.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatsOf } from '../../../element/source/src/format';
import { ask, follow, keepToken, takeToken, token } from './api';
import type { Failure, Meter, Viewer } from './model';
import { VIEWER } from './queries';
import { useRoute, VIEWS, type View } from './route';
import { LANGUAGES, spokenOf } from './texts';
import { Alerts } from './views/alerts';
import { Deliveries } from './views/deliveries';
import { License } from './views/license';
import { Licenses } from './views/licenses';
import { Around, failureOf, Link, Problem } from './views/parts';
import { Plugins } from './views/plugins';
import { Requests } from './views/requests';

/** Milliseconds between two looks at what changed: a wave of refreshes changes many licenses a second. */
const CALM = 1_500;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
type Who = { viewer: Viewer; meters: Meter[] };

export function App() {
  const route = useRoute();
  const [language, setLanguage] = useState(() => spokenOf([route.get('lang'), localStorage.getItem('allowance:language'), ...navigator.languages]));
  const [theme, setTheme] = useState(() => localStorage.getItem('allowance:theme') ?? 'auto');
  const [who, setWho] = useState<Who | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [signs, setSigns] = useState(0);
  const [changes, setChanges] = useState(0);
  const [isLive, setLive] = useState(false);
  const [words, setWords] = useState('');
  const text = LANGUAGES[language]!;
  const formats = useMemo(() => formatsOf(language, ZONE), [language]);
  const isOperator = who !== null && who.viewer.license === null && ['OPERATE', 'LIST_LICENSES'].every((one) => who.viewer.can.includes(one));
  const signAgain = () => setSigns((number) => number + 1);

  useEffect(() => {
    document.documentElement.lang = language;
    document.title = text.title;
  }, [language]);
  useEffect(() => {
    document.documentElement.dataset.theme = theme;
  }, [theme]);
  useEffect(() => {
    const arrived = () => takeToken() && signAgain();
    addEventListener('hashchange', arrived);
    return () => removeEventListener('hashchange', arrived);
  }, []);
  useEffect(() => {
    setWho(null);
    setFailure(null);
    if (token()) ask<Who>(language, VIEWER).then(setWho, (error) => setFailure(failureOf(error)));
  }, [signs]);
  useEffect(() => {
    if (!isOperator) return;
    let waiting = 0;
    const close = follow(() => {
      waiting ||= window.setTimeout(() => {
        waiting = 0;
        setChanges((number) => number + 1);
      }, CALM);
    }, setLive);
    return () => {
      clearTimeout(waiting);
      close();
    };
  }, [isOperator, signs]);

  // What was said belongs to the view in which it was done.
  useEffect(() => setWords(''), [route.get('view'), route.get('license')]);

  const view = VIEWS.find((one) => one === route.get('view')) ?? 'licenses';
  const license = route.get('license');
  const around = useMemo(
    () => ({
      text, formats, theme, route, changes,
      meters: new Map(who?.meters.map((meter) => [meter.key, meter])),
      mayAnswer: who?.viewer.can.includes('WRITE_CONTRACT') ?? false,
    }),
    [text, formats, theme, route, changes, who],
  );
  const keep = (name: string, value: string, set: (value: string) => void) => {
    localStorage.setItem(`allowance:${name}`, value);
    set(value);
  };
  const views: Record<View, () => preact.VNode> = {
    licenses: () => <Licenses />,
    requests: () => <Requests said={setWords} />,
    alerts: () => <Alerts />,
    deliveries: () => <Deliveries said={setWords} />,
    plugins: () => <Plugins />,
  };
  return (
    <Around.Provider value={around}>
      <header class="top">
        <h1>{text.title}</h1>
        <div class="tools">
          {isOperator && <span class={`live ${isLive ? 'on' : ''}`}>{isLive ? text.live : text.notLive}</span>}
          <label>
            <span class="hidden">{text.language}</span>
            <select value={language} onChange={(event) => keep('language', event.currentTarget.value, setLanguage)}>
              <option value="en" selected={language === 'en'}>English</option>
              <option value="fr" selected={language === 'fr'}>Français</option>
            </select>
          </label>
          <label>
            <span class="hidden">{text.theme}</span>
            <select value={theme} onChange={(event) => keep('theme', event.currentTarget.value, setTheme)}>
              {(['auto', 'light', 'dark'] as const).map((one) => (
                <option key={one} value={one} selected={theme === one}>
                  {text[one]}
                </option>
              ))}
            </select>
          </label>
          {token() && (
            <button class="button" onClick={() => (keepToken(null), signAgain())}>
              {text.leave}
            </button>
          )}
        </div>
      </header>
      {isOperator && (
        <nav class="views" aria-label={text.navigation}>
          {VIEWS.map((one) => (
            <Link key={one} to={one === 'licenses' ? {} : { view: one }} current={one === view && !license}>
              {text.views[one]}
            </Link>
          ))}
        </nav>
      )}
      <p class="said" role="status">{words}</p>
      <main>
        {isOperator && (license ? <License key={license} licenseKey={license} said={setWords} /> : views[view]())}
        {who && !isOperator && (
          <div class="card message" role="alert">
            <h2>{text.refused}</h2>
            <p>{text.refusedWhy}</p>
            <SignIn done={signAgain} />
          </div>
        )}
        {!who && token() && !failure && <p class="quiet">{text.loading}</p>}
        {failure && failure.code !== 'UNAUTHENTICATED' && <Problem failure={failure} again={signAgain} />}
        {(!token() || failure?.code === 'UNAUTHENTICATED') && (
          <div class="card message">
            <p>{failure ? text.signedOut : text.signIn}</p>
            <SignIn done={signAgain} />
          </div>
        )}
      </main>
    </Around.Provider>
  );

  function SignIn({ done }: { done: () => void }) {
    return (
      <form
        class="filters"
        onSubmit={(event) => {
          event.preventDefault();
          keepToken(String(new FormData(event.currentTarget).get('token')).trim());
          done();
        }}
      >
        <label class="wide">
          {text.token}
          <input name="token" type="password" autocomplete="off" required />
        </label>
        <button class="button strong">{text.enter}</button>
      </form>
    );
  }
}
