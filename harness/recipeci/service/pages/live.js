"use strict";
// Appends to a run's log what comes; without it the page is loaded anew every few seconds.
(() => {
  const log = document.getElementById("log");
  const later = () => setTimeout(look, 2000);
  const isAtEnd = () => window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 50;
  const append = (text) => {
    const follows = isAtEnd();
    log.append(text);
    if (follows) window.scrollTo(0, document.documentElement.scrollHeight);
  };
  const look = async () => {
    try {
      const answer = await fetch(`${log.dataset.from}?after=${log.dataset.part}`, { cache: "no-store" });
      if (answer.ok) {
        const of = (name) => answer.headers.get(`Recipeci-${name}`);
        if (of("State") !== log.dataset.state || of("Attempt") !== log.dataset.attempt) return location.reload();
        append(await answer.text());
        log.dataset.part = of("Part");
      }
    } catch (error) {
      // The bridge is away for a moment: the next look finds what is missing.
    }
    later();
  };
  later();
})();
