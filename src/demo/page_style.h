// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace shoplens {

/// The page's style sheet: system fonts, both colour schemes, one column on a telephone.
inline constexpr const char* kPageStyle = R"css(
:root { color-scheme: light dark; --bg: #f6f6f3; --card: #fff; --ink: #1d1f23; --soft: #6a6e76; --line: #e3e3de;
  --good: #177245; --good-bg: #e4f3ea; --bad: #b3261e; --bad-bg: #fbe9e7; }
@media (prefers-color-scheme: dark) { :root { --bg: #141518; --card: #1d1f24; --ink: #ececf0; --soft: #9a9ea8;
  --line: #2e3138; --good: #6fd39d; --good-bg: #17301f; --bad: #ff9d94; --bad-bg: #3a1b19; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 16px/1.45 system-ui, -apple-system, "Segoe UI",
  Roboto, "Helvetica Neue", Arial, sans-serif; font-variant-numeric: tabular-nums; }
main { max-width: 1240px; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { margin: 0 0 .3rem; font-size: clamp(1.6rem, 4vw, 2.3rem); letter-spacing: -.02em; text-wrap: balance; }
h2 { margin: 2.75rem 0 .25rem; font-size: 1.25rem; letter-spacing: -.01em; }
p { margin: 0 0 1rem; color: var(--soft); max-width: 70ch; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .75rem; margin: 1.75rem 0 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: .9rem 1.1rem; }
dt { color: var(--soft); font-size: .85rem; }
dd { margin: 0; font-size: 1.7rem; font-weight: 650; letter-spacing: -.02em; }
.rows { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 36rem), 1fr)); gap: 1rem; }
article { display: grid; grid-template-columns: 10.5rem minmax(0, 1fr); gap: 1.1rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 16px; padding: 1rem; }
figure { margin: 0; min-width: 0; }
img, .none { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 10px;
  background: var(--line); }
.none { display: grid; place-items: center; color: var(--soft); font-size: .8rem; }
h3 { margin: 0 0 .15rem; font-size: 1.02rem; overflow-wrap: anywhere; }
.verdict { display: inline-block; margin: 0 0 .5rem; padding: .1rem .6rem; border-radius: 99px; font-size: .8rem;
  font-weight: 600; }
.right .verdict { color: var(--good); background: var(--good-bg); }
.wrong .verdict { color: var(--bad); background: var(--bad-bg); }
.truth, figcaption { color: var(--soft); font-size: .82rem; overflow-wrap: anywhere; margin: 0; }
ol { list-style: none; display: grid; grid-template-columns: repeat(5, minmax(0, 1fr)); gap: .5rem; padding: 0;
  margin: .8rem 0 0; }
li img, li .none { border-radius: 8px; border-bottom: 4px solid var(--bad); }
li.same img, li.same .none { border-bottom-color: var(--good); }
li figcaption { font-size: .74rem; line-height: 1.25; margin-top: .3rem; }
li b { font-weight: 600; color: var(--bad); }
li.same b { color: var(--good); }
footer { margin-top: 3rem; color: var(--soft); font-size: .85rem; }
@media (max-width: 560px) { article { grid-template-columns: 1fr; } article > figure { max-width: 14rem; }
  ol { grid-template-columns: repeat(3, minmax(0, 1fr)); } }
@media print { body { background: #fff; } article { break-inside: avoid; } }
)css";

}  // namespace shoplens
