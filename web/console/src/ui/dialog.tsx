/** A modal dialog without a default button: Enter acts only on the focused control. */
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  const cancel = (event: Event) => {
    event.preventDefault();
    props.onClose();
  };
  return (
    <dialog ref={ref} aria-labelledby={id} onCancel={cancel}>
      <h2 id={id} tabIndex={-1} autofocus>
        {props.title}
      </h2>
      {props.children}
    </dialog>
  );
}

/**
 * For buttons that grant access: Enter, which is easily pressed by accident, has no effect; Space and the pointer work.
 */
export function notEnter(event: KeyboardEvent): void {
  if (event.key === "Enter") event.preventDefault();
}
