// The admin is drawn in the theme that was chosen on the dashboard.
(() => {
  "use strict";
  const theme = /(?:^|; )theme=(light|dark)/.exec(document.cookie);
  if (theme) document.documentElement.dataset.theme = theme[1];
})();
