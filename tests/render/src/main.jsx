// Shows dashboard.json as the address says: ?prometheus=URL&scrape=30s&from=now-6h&to=now&var-NAME=VALUE
import { ThemeContext } from '@grafana/data';
import { initPluginTranslations } from '@grafana/i18n';
import { GlobalStyles, PortalContainer } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';
import { BrowserRouter } from 'react-router-dom';
import { Prometheus } from './datasource.js';
import { Loki } from './loki.js';
import { markWith } from './marks.js';
import { Page } from './page.jsx';
import { plugins } from './panels.jsx';
import { fail, watch } from './report.js';
import { sceneOf } from './scene.js';
import { provide } from './services.js';

class Boundary extends React.Component {
  state = {};

  static getDerivedStateFromError(error) {
    return { error };
  }

  componentDidCatch(error) {
    fail(error);
  }

  render() {
    return this.state.error ? <pre>{String(this.state.error.stack)}</pre> : this.props.children;
  }
}

const Everything = ({ theme, children }) => (
  <Boundary>
    <ThemeContext.Provider value={theme}>
      <BrowserRouter>
        <GlobalStyles />
        {children}
        <PortalContainer />
      </BrowserRouter>
    </ThemeContext.Provider>
  </Boundary>
);

async function start() {
  const query = new URLSearchParams(location.search);
  const source = new Prometheus({ uid: 'prometheus', url: query.get('prometheus'), scrape: query.get('scrape') });
  const recorded = await fetch('loki.json').then((reply) => (reply.ok ? reply.json() : { answers: [] }));
  const theme = provide(plugins, [source, new Loki({ uid: 'loki', recorded })]);
  document.body.style.background = theme.colors.background.canvas;
  await Promise.all(['grafana', 'grafana-scenes'].map(initPluginTranslations));
  const dashboard = await (await fetch('dashboard.json')).json();
  const given = [...query].filter(([name]) => name.startsWith('var-')).map(([name, value]) => [name.slice(4), value]);
  const scene = sceneOf(dashboard, { from: query.get('from'), to: query.get('to'), chosen: Object.fromEntries(given) });
  markWith(source, dashboard.annotations.list.filter(({ expr }) => expr));
  createRoot(document.getElementById('root')).render(
    <Everything theme={theme}><Page dashboard={dashboard} scene={scene} /></Everything>
  );
}

watch(window);
start().catch(fail);
