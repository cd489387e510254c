// Keeps a live page up to date: asks for the same address again and replaces the content, so that a scrolled
// page stays where it is, and stays readable when its server is gone. What the reader opened, focused or
// scrolled stays as it is. While a value is pointed at or text is selected, nothing is replaced.
const OFTEN_MS = 1000, SELDOM_MS = 5000; // a load that ended may be resumed
const live = document.getElementById("live");
let shown = "";
const all = names => [...document.querySelectorAll(names)];
const places = () => all("main [tabindex], main summary");
const named = details => details.querySelector("summary").textContent;

function replace(main) {
  const opened = all("main details[open]").map(named);
  const focused = places().indexOf(document.activeElement);
  const scrolled = places().map(each => each.scrollLeft);
  document.querySelector("main").replaceWith(main);
  all("main details").forEach(each => { each.open = opened.includes(named(each)); });
  places().forEach((each, at) => { each.scrollLeft = scrolled[at] || 0; });
  if (focused >= 0) places()[focused]?.focus({preventScroll: true});
}

async function refresh() {
  let wait = SELDOM_MS;
  try {
    const answer = await fetch(location.href, {cache: "no-store"});
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    const page = new DOMParser().parseFromString(text, "text/html");
    const over = page.body.dataset.over === "yes";
    const reading = document.querySelector("svg :hover") || !getSelection().isCollapsed;
    if (!reading && text !== shown) {
      replace(page.querySelector("main"));
      shown = text;
    }
    document.title = page.title;
    live.textContent = over ? "ended" : "live";
    if (!over) wait = OFTEN_MS;
  } catch (error) {
    live.textContent = "not connected";
  }
  setTimeout(refresh, wait);
}
setTimeout(refresh, OFTEN_MS);
