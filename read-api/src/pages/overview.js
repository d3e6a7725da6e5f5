// Shows each state of the overview as the server sends it. Without scripts the page is what it was when it was loaded.
const place = document.getElementById("board");
const light = document.getElementById("live");
const events = new EventSource("/overview/events");
events.addEventListener("board", (event) => {
  place.innerHTML = event.data;
  light.textContent = "live";
  light.className = "badge good";
});
events.onerror = () => {
  light.textContent = "not connected";
  light.className = "badge bad";
};
