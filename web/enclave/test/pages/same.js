// Posts as this window: the right origin, but not the parent of the frame.
window.post = (target, message, origin, port) => target.postMessage(message, origin, [port]);
