// How long the code on the phone is still good, for the usual period of 30 seconds. The page works without.
const left = document.getElementById("left");
const tell = () => {
  left.textContent = left.dataset.words.replace("{}", 30 - (Math.floor(Date.now() / 1000) % 30));
};
tell();
setInterval(tell, 1000);
