// What stands around a dashboard in Grafana on a laptop: its bars, the menu that is docked from 1440 pixels on, the
// dashboard's variables, its links and the time. Their sizes are Grafana's, their look is only like it.
import { useTheme2 } from '@grafana/ui';
import React, { useEffect } from 'react';

const BAR = 40;
export const MENU = 300;
export const HEAD = 2 * BAR;

function Bars({ title }) {
  const { colors, typography } = useTheme2();
  const bar = { height: BAR, display: 'flex', alignItems: 'center', padding: '0 16px', background: colors.background.primary, borderBottom: `1px solid ${colors.border.weak}` };
  return (
    <header style={{ ...typography.bodySmall, color: colors.text.secondary }}>
      <div style={bar}>Home › Dashboards › Live updates › {title}</div>
      <div style={{ ...bar, justifyContent: 'flex-end' }}>Share</div>
    </header>
  );
}

function Menu() {
  const { colors, typography } = useTheme2();
  const style = { width: MENU, flex: 'none', boxSizing: 'border-box', padding: 16, lineHeight: '32px', color: colors.text.secondary, background: colors.background.primary };
  return (
    <nav style={{ ...typography.bodySmall, ...style }}>
      {['Home', 'Bookmarks', 'Starred', 'Dashboards', 'Explore', 'Drilldown', 'Alerting', 'Connections', 'Administration'].map((name) => <div key={name}>{name}</div>)}
    </nav>
  );
}

function Controls({ controls, links }) {
  const { colors, shape } = useTheme2();
  const [variables, time] = controls;
  const line = { display: 'flex', flexWrap: 'wrap', gap: 8 };
  const button = { padding: '0 10px', lineHeight: '30px', color: colors.text.primary, border: `1px solid ${colors.border.weak}`, borderRadius: shape.radius.default };
  return (
    <div style={{ padding: '16px 16px 8px' }}>
      <div style={{ float: 'right', marginLeft: 8 }}><time.Component model={time} /></div>
      <div style={line}>
        <variables.Component model={variables} />
        {links.map(({ title, url }) => <a key={title} href={url} style={button}>{title}</a>)}
      </div>
    </div>
  );
}

export function Page({ dashboard, scene }) {
  const { controls, body } = scene.useState();
  useEffect(() => scene.activate(), [scene]);
  return (
    <>
      <Bars title={dashboard.title} />
      <div style={{ display: 'flex', alignItems: 'stretch' }}>
        <Menu />
        <main style={{ flex: 1, minWidth: 0 }}>
          <Controls controls={controls} links={dashboard.links} />
          <div style={{ padding: '0 16px 16px', position: 'relative', display: 'flex' }}><body.Component model={body} /></div>
        </main>
      </div>
    </>
  );
}
