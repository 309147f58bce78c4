// An answer that could not be sent yet stays on this device, over a reload, a restart and a flat battery, and is sent
// as soon as the server can be reached. The server judges it then as if it had just come.

const KEY = "duet-unsent-";

export const kept = {
  // Whether it is there now; without storage it lasts as long as the page.
  keep(token, fields) {
    try {
      localStorage.setItem(KEY + token, JSON.stringify(fields));
      return true;
    } catch {
      return false;
    }
  },
  // [[name, value], …] as it was kept, or null.
  find(token) {
    try {
      return JSON.parse(localStorage.getItem(KEY + token));
    } catch {
      return null;
    }
  },
  forget(token) {
    try {
      localStorage.removeItem(KEY + token);
    } catch {
      // Nothing was kept either.
    }
  },
};
