import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// One copy of each library that keeps state in its module, or hooks and registries would not find each other.
const single = ['react', 'react-dom', '@grafana/data', '@grafana/runtime', '@grafana/ui', 'rxjs', 'react-router-dom', 'react-router'];

export default defineConfig({
  plugins: [react()],
  base: '/',
  define: { 'process.env.NODE_ENV': '"production"', 'process.env': '{}', global: 'globalThis' },
  resolve: {
    // Scenes imports react-router's bridge from version 5 to 6; version 6 itself has all that is used of it.
    alias: { 'react-router-dom-v5-compat': 'react-router-dom' },
    dedupe: single,
  },
  build: { outDir: '../../.cache/render', emptyOutDir: true, minify: false, chunkSizeWarningLimit: 100000, reportCompressedSize: false },
});
