//! How the pages look: one column on a phone, light or dark as the reader's system is.

pub(super) const STYLE: &str = "
:root { color-scheme: light dark; --page: #fff; --card: #f6f7f9; --text: #1b1f24; --line: #8883; --soft: #667080;
  --good: #1f7a41; --bad: #c0342b; --link: #2459c4; --chart: #3b74e0; }
@media (prefers-color-scheme: dark) { :root { --page: #14171b; --card: #1d2228; --text: #e6e9ee; --soft: #97a1b0;
  --good: #55c17e; --bad: #ff7a70; --link: #86aefc; --chart: #6f9df8; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 78rem; padding: 0 1.25rem 3rem;
  background: var(--page); color: var(--text); }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1.2rem; align-items: baseline; padding: .9rem 0;
  border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; margin-right: auto; }
nav a[aria-current] { color: inherit; font-weight: 600; }
h1 { font-size: 1.5rem; margin: 1.2rem 0 .2rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .3rem 0; } .soft { color: var(--soft); } a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; } a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
code, pre, .number { font-family: ui-monospace, monospace; font-size: .9em; } .number { text-align: right; white-space: nowrap; }
pre { background: var(--card); border-radius: .5rem; padding: .7rem .9rem; overflow-x: auto; margin: .4rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line); }
th { font-weight: 600; font-size: .85rem; color: var(--soft); } th.number { font-family: inherit; }
td.columns { min-width: 14rem; }
@media (max-width: 40rem) { .stack tr:first-child { display: none; } .stack tr, .stack td { display: block; }
  .stack tr { padding: .6rem 0; border-bottom: 1px solid var(--line); } .stack td { border: 0; padding: .15rem 0; text-align: left; }
  .stack td[data-label]::before { content: attr(data-label) \" \"; color: var(--soft); font-family: system-ui, sans-serif; } }
.badge { border: 1px solid; border-radius: 1rem; padding: 0 .6rem; font-size: .85rem; font-weight: 400; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(15rem, 1fr)); gap: 1rem; margin: 1.2rem 0; }
.card { background: var(--card); border-radius: .7rem; padding: .8rem 1rem; min-width: 0; }
.card strong { display: block; font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card svg { display: block; width: 100%; height: 4.5rem; margin-top: .4rem; }
svg .line { fill: none; stroke: var(--chart); stroke-width: 1.5; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
svg .area { fill: var(--chart); opacity: .15; } svg .base { stroke: var(--line); vector-effect: non-scaling-stroke; }
";
