// Annotations on time series: a dashed line at each, as Grafana draws them.
import { useLayoutEffect, useEffect, useState } from 'react';
import { asMatcher } from './datasource.js';
import { report } from './report.js';

let source;
let notes = [];
const known = new Map();

export function markWith(dataSource, annotations) {
  source = dataSource;
  notes = annotations;
}

// The times in milliseconds at which a series' value, or its sample, stands; asked once for all panels.
function timesOf(expr, range) {
  if (!known.has(expr)) {
    known.set(expr, source.instant(expr, range).then((found) => found.map(({ points: [[, value]] }) => Number(value))));
  }
  return known.get(expr);
}

export function useMarks(replaceVariables, range) {
  const [marks, setMarks] = useState([]);
  const exprs = notes.map(({ expr }) => replaceVariables(expr, {}, asMatcher)).join('\n');
  useEffect(() => {
    Promise.all(exprs.split('\n').filter(Boolean).map((expr) => timesOf(expr, range))).then((times) => {
      setMarks(times.flatMap((ms, index) => ms.map((time) => ({ time, color: notes[index].iconColor }))));
    });
  }, [exprs, range]);
  return marks;
}

export function Marks({ config, marks, title }) {
  useLayoutEffect(() => {
    config.addHook('draw', (plot) => {
      const { ctx, bbox } = plot;
      const pixels = marks.map(({ time, color }) => [plot.valToPos(time, 'x', true), color]);
      const shown = pixels.filter(([x]) => x >= bbox.left && x <= bbox.left + bbox.width);
      report.marks[title] = shown.length;
      ctx.save();
      ctx.setLineDash([5, 5]);
      ctx.lineWidth = 1;
      for (const [x, color] of shown) {
        ctx.strokeStyle = color;
        ctx.beginPath();
        ctx.moveTo(x, bbox.top);
        ctx.lineTo(x, bbox.top + bbox.height);
        ctx.stroke();
      }
      ctx.restore();
    });
  }, [config, marks, title]);
  return null;
}
