"""How the HTML report looks: on a light and a dark screen, on a narrow one, and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --faint: #59636e; --page: #fff;
  --line: #d1d9e0; --band: #f6f8fa; --red: #b3141d; --amber: #8a5a00; --green: #1a7f37;
  --bar: #218bff; --purple: #8250df; }
@media (prefers-color-scheme: dark) { :root { --ink: #f0f6fc; --faint: #9198a1; --page: #0d1117;
  --line: #3d444d; --band: #151b23; --red: #ff7b72; --amber: #e3b341; --green: #56d364;
  --purple: #b083f0; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1rem; max-width: 64rem; color: var(--ink);
  background: var(--page); font: 16px/1.5 system-ui, sans-serif; }
h1, h2, p, dl, table { margin: 0 0 1rem; }
h1 { font-size: 1.75rem; line-height: 1.25; padding-left: 1rem; border-left: .5rem solid; }
h2 { font-size: 1.25rem; margin-top: 2.5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem; }
dt { color: var(--faint); } dd { margin: 0; overflow-wrap: anywhere; }
table { width: 100%; border-collapse: collapse; }
caption { text-align: left; color: var(--faint); padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; overflow-wrap: anywhere;
  font-weight: 400; }
thead th { font-weight: 600; border-bottom: 2px solid var(--line); }
tbody { border-bottom: 1px solid var(--line); break-inside: avoid; }
tbody.problem tr:first-child { background: var(--band); }
th[scope=row] { font-weight: 600; }
thead th, td[class] { overflow-wrap: normal; }
.changes td { overflow-wrap: break-word; } .changes th[scope=row] { min-width: 9rem; }
main { overflow-x: auto; }
td p, td ul { margin: 0; } pre { white-space: pre-wrap; }
summary { color: var(--faint); cursor: pointer; }
.grade, .rule, .part { color: var(--faint); font-weight: 400; }
.error, .blocking, .fail, .not-evaluated { color: var(--red); }
.warning, .waived, .warn { color: var(--amber); } .passed, .pass { color: var(--green); }
td.error, td.blocking { font-weight: 600; }
.bar { display: block; position: relative; height: .4rem; margin-top: .25rem; min-width: 4rem;
  print-color-adjust: exact;
  background: linear-gradient(var(--faint), var(--faint)) 50%/2px 100% no-repeat, var(--line); }
.bar i { position: absolute; inset: 0 auto 0 0; background: var(--bar); }
.bar i.over { background: var(--red); left: 50%; }
.plots { columns: 22rem; column-gap: 1.5rem; margin: 1rem 0; }
figure { margin: 0 0 1.5rem; break-inside: avoid; min-width: 0; }
figcaption { font-size: .875rem; color: var(--faint); } figcaption b { color: var(--ink);
  display: block; font-size: 1rem; }
figure svg { width: 100%; max-width: 34rem; height: auto; print-color-adjust: exact; }
figure table { font-size: .875rem; }
footer { margin-top: 2.5rem; padding-top: 1rem; border-top: 1px solid var(--line); }
@media (max-width: 40rem) { body { font-size: 14px; padding: 1rem .5rem; }
  h1 { font-size: 1.25rem; padding-left: .5rem; } table { font-size: .8125rem; }
  th, td { padding: .3rem .25rem; } .changes th[scope=row] { min-width: 0; }
  dl { grid-template-columns: 1fr; } }
@media print { :root { color-scheme: light; --ink: #000; --faint: #444; --page: #fff;
  --line: #999; --band: #fff; --red: #900; --amber: #640; --green: #040;
  --purple: #8250df; }
  details::details-content { content-visibility: visible; display: block; }
  body { font-size: 10pt; max-width: none; padding: 0; } thead { display: table-header-group; } }
"""
