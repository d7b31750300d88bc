import './workers.js';
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import 'graphiql/graphiql.css';
import './main.css';

import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { useGraphiQL } from '@graphiql/react';
import { GraphiQL } from 'graphiql';

import { examples } from './examples.js';
import { rememberToken, storedToken, takeTokenFromAddress, tokenIn, withToken } from './token.js';

const send = createGraphiQLFetcher({
  url: '/graphql',
  subscriptionUrl: `${location.origin.replace(/^http/, 'ws')}/graphql`,
  enableIncrementalDelivery: false,
});

// GraphiQL asks for the schema before its headers editor is there to take the token from, and empties that
// editor when the tab that is open already is chosen once more.
function fetcher(request, options = {}) {
  const authorized = Object.keys(options.headers ?? {}).some((name) => name.toLowerCase() === 'authorization');
  if (authorized || !storedToken()) return send(request, options);
  return send(request, { ...options, headers: { ...options.headers, Authorization: `Bearer ${storedToken()}` } });
}

/** Puts the token into the headers of a tab that has none, and gets the schema once there is a token to get it with. */
function Authorization({ token }) {
  const { headerEditor, tab, schema, actions } = useGraphiQL((state) => ({
    headerEditor: state.headerEditor,
    tab: state.tabs[state.activeTabIndex].id,
    schema: state.schema,
    actions: state.actions,
  }));

  useEffect(() => {
    if (token && headerEditor && !headerEditor.getValue().trim()) {
      headerEditor.setValue(withToken('', token));
    }
  }, [headerEditor, tab]);

  useEffect(() => {
    if (!token || schema) return;
    const soon = setTimeout(actions.introspect, 500); // not for every key typed
    return () => clearTimeout(soon);
  }, [token, schema]);
}

function Hint() {
  return (
    <p className="hint" role="status">
      No access token yet. Make one with{' '}
      <code>allowance keys create NAME --all-licenses --scope consumption:read</code>, then write{' '}
      <code>{'{"Authorization": "Bearer TOKEN"}'}</code> under Headers, or open this page as{' '}
      <code>/graphiql#token=TOKEN</code>.
    </p>
  );
}

function Page() {
  const [token, setToken] = useState(storedToken);

  function keepToken(headers) {
    const found = tokenIn(headers);
    if (!found) return;
    rememberToken(found);
    setToken(found);
  }

  return (
    <>
      {!token && <Hint />}
      <GraphiQL
        fetcher={fetcher}
        defaultTabs={examples}
        defaultEditorToolsVisibility="headers"
        onEditHeaders={keepToken}
        shouldPersistHeaders
        showPersistHeadersSettings={false}
      >
        <GraphiQL.Logo>Allowance</GraphiQL.Logo>
        <Authorization token={token} />
      </GraphiQL>
    </>
  );
}

takeTokenFromAddress();
addEventListener('hashchange', () => location.reload());
createRoot(document.getElementById('page')).render(<Page />);
