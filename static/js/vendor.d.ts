/** The parts of the vendored classic scripts that we use and whose own types do not say. */

declare const protomapsL: typeof import("protomaps-leaflet");

declare namespace L {
  namespace control {
    function fullscreen(options: {
      position: L.ControlPosition;
      title: string;
      titleCancel: string;
      content: string;
      fullscreenElement: HTMLElement;
    }): L.Control;
    function locate(options: object): L.Control;
  }
}
